// Names of a run's services in compose files.

internal import Experience
internal import Launcher

extension ComposeFile {
  subscript(kind: ServiceKind) -> ComposeService? { self[kind.rawValue] }
}

extension ControlRequest {
  static func variables(of kind: ServiceKind) -> Self { .variables(service: kind.rawValue) }
}
