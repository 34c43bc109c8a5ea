/* What a program's options leave open, taken from the installation in ROOST_DATA_DIR. */
#include "bus/foundation/options.h"
#include "controller/installation/installation.h"

bool installation_fill_options(const char *program, struct error *error)
{
	struct installation_address address = {0};
	if (option_text(OPTION_ROOST_NATS_URL)[0] != '\0')
		return true;
	if (!installation_find(option_text(OPTION_ROOST_DATA_DIR), program, &address, error))
		return false;
	option_set(OPTION_ROOST_NATS_URL, address.nats_url);
	if (option_text(OPTION_ROOST_CREDENTIALS)[0] == '\0')
		option_set(OPTION_ROOST_CREDENTIALS, address.credentials);
	return true;
}
