// Chooses the transport between the processes of a run.

internal import Console
internal import Experience
internal import Launcher

/// The transport chosen by `--transport` or `ROOKERY_TRANSPORT`.
enum RunTransport: String, CaseIterable {
  /// Unix sockets in a folder that only this user can enter.
  case ipc
  /// Loopback addresses, which every user of this machine can reach.
  case tcp

  /// - Throws: `UsageError` for another name.
  init(_ arguments: Arguments, _ variables: [String: String]) throws(UsageError) {
    let variable = variables["ROOKERY_TRANSPORT"].flatMap { $0.isEmpty ? nil : $0 }
    let text = arguments.value("transport") ?? variable ?? Self.ipc.rawValue
    guard let transport = RunTransport(rawValue: text) else {
      let place = arguments.value("transport") == nil ? "ROOKERY_TRANSPORT" : "--transport"
      throw UsageError("\(place): expected ipc (Unix sockets) or tcp (loopback addresses), found '\(text)'")
    }
    self = transport
  }
}

/// A run's folder of sockets, and sentences about it for the user.
struct RunSockets {
  /// Nil over TCP.
  let folder: SocketFolder?
  private(set) var notes: [String] = []

  init(_ transport: RunTransport, variables: [String: String], outlivesSession: Bool = false) throws {
    let removed = SocketParent.all(variables).reduce(0) { $0 + SocketFolder.removeAbandoned(in: $1) }
    if removed > 0 {
      notes.append(
        "removed the sockets that \(removed == 1 ? "a killed launcher" : "\(removed) killed launchers") had left behind"
      )
    }
    guard transport == .ipc else {
      notes.append(
        "over loopback TCP every user of this machine can reach the run's processes (docs/SECURITY.md)")
      folder = nil
      return
    }
    let parent = try SocketParent(variables: variables, outlivesSession: outlivesSession)
    if let note = parent.note { notes.append(note) }
    folder = try SocketFolder(in: parent.path)
  }
}

extension ControlReply {
  /// How to bring a learner; nil if the launcher has learners itself, or the reply has no
  /// addresses.
  var learnerNotice: String? {
    guard !processes.contains(where: { $0.service == ServiceKind.learner.rawValue }),
      let replay = variables["ROOKERY_REPLAY_ADDRESS"],
      let parameters = variables["ROOKERY_PARAMETERS_ADDRESS"]
    else { return nil }
    return
      "no learner is started: bring your own, which samples from \(replay) and sends deltas to \(parameters) "
      + "(docs/PROTOCOL.md), or start one with eval \"$(rookery env learner)\"; rookery learner"
  }
}
