// The keys of a compose file that local processes honour.

/// Every key is honoured, ignored with a note, or refused; docs/COMPOSE.md has the table.
enum ComposeKeys {
  static let file = ["name", "services", "volumes", "include"]
  static let fileNoted = ["version", "networks"]

  static let service = [
    "command", "entrypoint", "environment", "env_file", "depends_on", "deploy", "scale", "restart",
    "stop_signal",
    "stop_grace_period", "healthcheck", "volumes", "profiles", "working_dir", "network_mode", "extends",
  ]
  /// Keys that describe a container or a network. They make no difference to a local process.
  static let serviceNoted = [
    "annotations", "attach", "build", "container_name", "develop", "dns", "dns_opt", "dns_search",
    "domainname", "expose",
    "hostname", "image", "init", "label_file", "labels", "logging", "mac_address", "networks", "platform",
    "ports",
    "pull_policy", "stdin_open", "tty",
  ]
  /// Keys that limit what a container may use. Nothing enforces them for local processes.
  static let serviceUnenforced = [
    "cap_drop", "cpu_count", "cpu_percent", "cpu_period", "cpu_quota", "cpu_shares", "cpus", "cpuset",
    "mem_limit",
    "mem_reservation", "mem_swappiness", "memswap_limit", "pids_limit", "read_only", "security_opt",
    "shm_size",
  ]

  static let deploy = ["replicas", "mode", "restart_policy"]
  static let deployNoted = ["endpoint_mode", "labels", "placement", "rollback_config", "update_config"]
  static let deployUnenforced = ["resources"]

  /// Alternatives to keys that are refused because they would change behaviour.
  static let instead = [
    "configs": "mount a file under volumes, ./file:/path",
    "secrets": "mount a file under volumes, ./file:/path",
    "tmpfs": "use a named volume",
    "ulimits": "set limits by ulimit before the launch",
    "user": "launch as that user",
    "links": "use depends_on; a service's name stands for its addresses",
    "external_links": "write the other service's address into environment",
    "extra_hosts": "write the addresses into environment",
    "devices": "local processes see the machine's devices",
    "gpus": "local processes see the machine's devices",
    "volumes_from": "name the volumes under volumes",
    "privileged": "launch with the rights that are needed",
    "cap_add": "launch with the rights that are needed",
  ]
}
