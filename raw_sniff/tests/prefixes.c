/* prefixes - each FILE, and each beginning of it, to the fuzz target, in memory
 * of exactly that size, so that AddressSanitizer and valgrind see a parser that
 * reads beyond it.
 *
 * Run:    prefixes FILE...   (see raw_sniff.bats)
 */
#include <stdio.h>  /* fopen */
#include <stdlib.h> /* malloc */
#include <string.h> /* memcpy */

int LLVMFuzzerTestOneInput(const unsigned char *input, size_t n);

int main(int argc, char *argv[])
{
	static unsigned char whole[65536];
	size_t tried = 0;

	for (int i = 1; i < argc; i++) {
		FILE *file = fopen(argv[i], "rb");
		size_t size = file ? fread(whole, 1, sizeof whole, file) : 0;

		if (!file || ferror(file))
			return 2;
		fclose(file);
		for (size_t n = 0; n <= size; n++, tried++) {
			unsigned char *part = malloc(n ? n : 1);

			if (!part)
				return 2;
			memcpy(part, whole, n);
			LLVMFuzzerTestOneInput(part, n);
			free(part);
		}
	}
	printf("%zu inputs\n", tried);
	return tried == 0;
}
