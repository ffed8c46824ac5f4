/** One action on one entry of a batch. Each entry stands alone: its failure is a detail of the answer, no more. */

import { link, readlink, symlink } from "node:fs/promises";
