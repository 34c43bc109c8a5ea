/* Runs a fuzzer once on every file of the folders that it is given. Fails when there is no file, since
 * then nothing would be tested. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <string.h>

enum { INPUT_MAX = 1024 * 1024 };

static int run_file(const char *folder, const char *name)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "rb");
	unsigned char *buffer = malloc(INPUT_MAX);
	if (file == NULL || buffer == NULL) {
		perror(path);
		exit(1);
	}
	size_t size = fread(buffer, 1, INPUT_MAX, file);
	fclose(file);
	/* Exactly as large as the input, so that a sanitizer sees an overrun. */
	unsigned char *input = malloc(size > 0 ? size : 1);
	if (input == NULL)
		exit(1);
	memcpy(input, buffer, size);
	free(buffer);
	fprintf(stderr, "%s\n", path);
	LLVMFuzzerTestOneInput(input, size);
	free(input);
	return 1;
}

int main(int argc, char **argv)
{
	int count = 0;
	for (int i = 1; i < argc; i++) {
		DIR *folder = opendir(argv[i]);
		if (folder == NULL) {
			perror(argv[i]);
			return 1;
		}
		for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder))
			if (entry->d_name[0] != '.')
				count += run_file(argv[i], entry->d_name);
		closedir(folder);
	}
	return count > 0 ? 0 : 1;
}
