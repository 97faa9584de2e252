// GRANT? and GRANT: steps that an actor may act, where staleness is bounded.

/// `[version, 35, number, sequence, steps]`: a writer asks for steps. Numbers rise; a repeated one
/// is answered as before. What was left of an earlier grant is given back. From a writer that has a
/// grant it is a sign of life.
public struct StepRequest: ValueMessage {
  /// The number of the request, from 1.
  public var number: UInt64
  /// The last INSERT before the request, which counts once that is committed; 0 if there was none.
  public var sequence: UInt64
  /// The steps asked for, of all its environments together; 0 asks for none, and so gives back.
  public var steps: UInt64

  public init(number: UInt64, sequence: UInt64, steps: UInt64) {
    self.number = number
    self.sequence = sequence
    self.steps = steps
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.stepRequest)
    writer.unsigned(number)
    writer.unsigned(sequence)
    writer.unsigned(steps)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    number = try cursor.number("the number of the request")
    sequence = try cursor.number("the sequence of the last insert")
    steps = try cursor.number("the steps")
    try cursor.close()
  }
}

/// `[version, 36, number, steps, weights]`: the answer to GRANT?. It may take long.
public struct StepGrant: ValueMessage {
  /// The number of the request.
  public var number: UInt64
  /// The steps that may be acted.
  public var steps: UInt64
  /// They are acted with weights of at least this version.
  public var version: UInt64

  public init(number: UInt64, steps: UInt64, version: UInt64) {
    self.number = number
    self.steps = steps
    self.version = version
  }

  public func encode(into writer: FrameWriter) {
    writer.begin(.stepGrant)
    writer.unsigned(number)
    writer.unsigned(steps)
    writer.unsigned(version)
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    number = try cursor.number("the number of the request")
    steps = try cursor.number("the steps")
    version = try cursor.number("the version of the weights")
    try cursor.close()
  }
}
