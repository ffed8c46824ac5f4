/*
 * Touches memory: usage warm BYTES. A virtual machine's pages that were never used fault several times slower than
 * others; whatever is measured next finds them backed by the host.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int main(int argc, char **argv) {
  if (argc != 2) return fputs("usage: warm BYTES\n", stderr), 64;
  size_t bytes = strtoull(argv[1], NULL, 10);
  void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (memory == MAP_FAILED) return perror("Cannot map memory"), 1;
  return 0;
}
