// Requests that must be answered.

internal import Foundations
public import Wire

/// A service did not answer in time.
public struct NoAnswer: Error, CustomStringConvertible {
  /// The address that was asked.
  public var address: String
  /// How long an answer was waited for.
  public var seconds: Int

  public var description: String { "\(address): no answer in \(seconds) s" }
}

extension ServiceClient {
  /// Asks a service, and returns its answer.
  ///
  /// - Throws: `NoAnswer` if none comes in time, and what `ask` throws.
  public static func answer<Answer>(
    of address: String, within seconds: Int, to encode: (FrameWriter) -> Void, as type: MessageType,
    _ decode: (inout FrameCursor) throws(WireError) -> Answer
  ) throws -> Answer {
    let answer = try ask(
      address, timeout: .seconds(Double(seconds)), encode, for: type, decode)
    guard let answer else { throw NoAnswer(address: address, seconds: seconds) }
    return answer
  }

  /// Runs a snapshot or a restore: begins it, and waits until it is done or has failed.
  ///
  /// - Throws: as `answer(of:within:to:as:)`.
  public static func run(_ request: SnapshotRequest, at address: String) throws -> SnapshotStatus {
    while true {
      let status = try answer(of: address, within: 10, to: request.encode, as: .snapshotStatus) {
        (cursor) throws(WireError) in try SnapshotStatus(from: &cursor)
      }
      if status.state != .underWay { return status }
      Pause.short()
    }
  }
}
