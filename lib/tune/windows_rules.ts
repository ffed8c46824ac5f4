/**
 * Windows: which files are copied past the system's cache (COPY_FILE_NO_BUFFERING). Pure, so it is tested anywhere.
 *
 * Up to 512 MiB the cache always wins: what was just copied is often read next. Above 2 GiB it never does: the file would
 * push out everything else, and Windows falls behind with writing back. Between them it depends on the memory that is free.
 */

const CACHED_UP_TO = 512 * 2 ** 20;
const UNBUFFERED_ABOVE = 2 * 2 ** 30;

/** A cached copy holds the file twice, as source and as destination; half of what is free stays for everything else. */
const FREE_PER_BYTE = 4;

/** `availableBytes`: memory that can be had without paging; undefined where the system does not tell. */
export function copiesUnbuffered(sizeBytes: number, availableBytes: number | undefined): boolean {
  if (sizeBytes <= CACHED_UP_TO) return false;
  if (sizeBytes > UNBUFFERED_ABOVE || availableBytes === undefined) return true;
  return availableBytes < sizeBytes * FREE_PER_BYTE;
}

/**
 * The rule for the files of one batch. Memory is asked for once, and only when a file needs it: within a batch a snapshot is
 * true enough, and asking takes longer than copying a small file.
 */
export function unbufferedRule(availableBytes: () => number | undefined): (sizeBytes: number) => boolean {
  let snapshot: { readonly bytes: number | undefined } | undefined;
  return (sizeBytes) => {
    const depends = sizeBytes > CACHED_UP_TO && sizeBytes <= UNBUFFERED_ABOVE;
    if (depends) snapshot ??= { bytes: availableBytes() };
    return copiesUnbuffered(sizeBytes, snapshot?.bytes);
  };
}
