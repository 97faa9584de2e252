// The types of messages.

/// The version of the protocol.
public enum WireVersion {
  /// A changed message raises it; a new message type does not. Services refuse other versions.
  public static let current: UInt8 = 4
}

/// The second element of every message. Codes never change their meaning. `docs/PROTOCOL.md`
/// describes each message.
public enum MessageType: UInt8, CaseIterable, Sendable {
  case hello = 1
  case welcome = 2
  case insert = 3
  case acknowledgement = 4
  case sampleRequest = 5
  case batch = 6
  case priorities = 7
  case refusal = 8
  case healthRequest = 9
  case health = 10
  case telemetry = 11
  case join = 12
  case joined = 13
  case delta = 14
  case weights = 15
  case statusRequest = 16
  case status = 17
  case evaluation = 18
  case goodbye = 19
  case inspectRequest = 20
  case inspection = 21
  case snapshotRequest = 22
  case snapshotStatus = 23
  case limitsRequest = 24
  case limits = 25
  case totalsRequest = 26
  case totals = 27
  case tap = 28
  case accepted = 29
  case gradient = 30
  case updated = 31
  case learnerRequest = 32
  case learner = 33
  case progress = 34
  case stepRequest = 35
  case stepGrant = 36

  /// The type with the highest code.
  static let last = MessageType.stepGrant

  /// Elements after version and type.
  public var fieldCount: Int {
    switch self {
    case .hello: 6
    case .welcome: 9
    case .insert: 3
    case .acknowledgement: 2
    case .sampleRequest: 3
    case .batch: 16
    case .priorities: 5
    case .refusal: 4
    case .healthRequest: 0
    case .health: 4
    case .telemetry: 5
    case .join: 4
    case .joined: 4
    case .delta: 10
    case .weights: 13
    case .statusRequest: 3
    case .status: 6
    case .evaluation: 9
    case .goodbye: 1
    case .inspectRequest: 3
    case .inspection: 7
    case .snapshotRequest: 3
    case .snapshotStatus: 7
    case .limitsRequest: 5
    case .limits: 7
    case .totalsRequest: 4
    case .totals: 9
    case .tap: 7
    case .accepted: 1 + Accepted.elementCount
    case .gradient: 9
    case .updated: 10
    case .learnerRequest: 0
    case .learner: 3
    case .progress: 4
    case .stepRequest: 3
    case .stepGrant: 3
    }
  }
}
