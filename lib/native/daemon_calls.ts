/** What daemons and their clients call of the shim. A table of its own, so that a copy does not pay for it when it opens the library. */

export const daemonCalls = {
  blit_aside: { parameters: ["pointer", "u64", "u32", "buffer", "buffer"], result: "i64" },
  blit_walk_end: { parameters: ["u64"], result: "i64" },
  blit_sockets_list: { parameters: ["u32", "buffer", "u64"], result: "i64" },
  blit_sockets_shut: { parameters: ["buffer", "u64"], result: "i64" },
  blit_sockets_tend: { parameters: ["u32", "u32"], result: "i64" },
  blit_signal_ignored: { parameters: ["i32"], result: "i64" },
  blit_memory_release: { parameters: [], result: "i64" },
  blit_descriptors_max: { parameters: [], result: "i64" },
  blit_listener_tend: { parameters: ["u32", "u32"], result: "i64" },
  blit_socket_listen: { parameters: ["buffer", "u32", "buffer"], result: "i64" },
  blit_socket_accept: { parameters: ["i32", "buffer"], result: "i64" },
  blit_socket_settle: { parameters: ["i32", "buffer"], result: "i64" },
  blit_socket_dial: { parameters: ["buffer", "u32", "buffer", "buffer", "u64", "i64"], result: "i64" },
  blit_socket_pair: { parameters: ["buffer"], result: "i64" },
  blit_descriptor_read: { parameters: ["i32", "buffer", "u64"], result: "i64" },
  blit_descriptor_write: { parameters: ["i32", "buffer", "u64"], result: "i64" },
  blit_descriptor_shut: { parameters: ["i32"], result: "i64" },
  blit_descriptor_close: { parameters: ["i32"], result: "i64" },
} as const;
