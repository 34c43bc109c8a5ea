/* A small array. What waits in it is bounded in number and bytes. */
#include "bus/link/waste.h"

void waste_add(struct waste *waste, natsMsg *message)
{
	if (message == NULL)
		return;
	waste->bytes += (size_t)natsMsg_GetDataLength(message);
	waste->messages[waste->count++] = message;
	if (waste->count == WASTE_MESSAGES_MAX || waste->bytes > WASTE_BYTES_MAX)
		waste_empty(waste);
}

void waste_empty(struct waste *waste)
{
	for (size_t i = 0; i < waste->count; i++)
		natsMsg_Destroy(waste->messages[i]);
	waste->count = 0;
	waste->bytes = 0;
}
