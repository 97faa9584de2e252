// Lets a person decide when the player goes on.

public import Experience
public import Wire

/// What becomes of the next message.
public enum PlayDecision: Sendable {
  case play
  /// Ask again when the gate's descriptor is readable.
  case wait
  /// End the player.
  case quit
}

/// Is asked before each message that the player could send now.
public protocol PlayGate: AnyObject {
  /// Readable when there may be another decision.
  var descriptor: Int32 { get }
  /// Decides; the insertion is valid during the call.
  func decide(
    _ message: Accepted, _ insertion: Insertion, schema: StepSchema, tables: [TableSchema]
  ) -> PlayDecision
}
