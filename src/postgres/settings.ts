/**
 * The settings of the server. They are given on its command line: so those of a newer release reach an old cluster too.
 */
export const serverSettings: Readonly<Record<string, string>> = {
  // Only this machine, only with the password.
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  password_encryption: 'scram-sha-256',
  // A commit that was answered survives a power cut.
  fsync: 'on',
  synchronous_commit: 'on',
  full_page_writes: 'on',
  // A small server shared with the panel.
  shared_buffers: '64MB',
  max_connections: '50',
  max_wal_size: '256MB',
  io_method: 'sync',
  jit: 'off',
  timezone: 'UTC',
  log_timezone: 'UTC',
  // The service logs the statements that fail; the server's own log is for the server's own troubles.
  log_min_messages: 'log',
  log_checkpoints: 'off',
  log_line_prefix: '%m [%p] ',
}
