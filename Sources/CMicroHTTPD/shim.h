#pragma once
#include <microhttpd.h>

// libmicrohttpd's variadic calls, which Swift cannot make, with their arguments checked by the C compiler.

struct http_limits {
  unsigned int connections;
  size_t connection_bytes;
};

/// A daemon without a thread, on a listening socket: its epoll descriptor reports events, MHD_run does the work.
static inline struct MHD_Daemon *http_start(int listener, struct http_limits limits, void *context,
                                            MHD_AccessHandlerCallback answer, MHD_NotifyConnectionCallback notify) {
  return MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL, answer, context,
                          MHD_OPTION_LISTEN_SOCKET, listener,
                          MHD_OPTION_CONNECTION_LIMIT, limits.connections,
                          MHD_OPTION_CONNECTION_MEMORY_LIMIT, limits.connection_bytes,
                          MHD_OPTION_STRICT_FOR_CLIENT, 1,
                          MHD_OPTION_NOTIFY_CONNECTION, notify, context,
                          MHD_OPTION_END);
}

/// The descriptor that is readable when MHD_run has work; -1 if there is none.
static inline int http_epoll_descriptor(struct MHD_Daemon *daemon) {
  const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
  return info == NULL ? -1 : info->epoll_fd;
}

/// A connection's socket; -1 if there is none.
static inline int http_connection_socket(struct MHD_Connection *connection) {
  const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
  return info == NULL ? -1 : info->connect_fd;
}
