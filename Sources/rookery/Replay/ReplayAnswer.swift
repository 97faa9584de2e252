// What a replay says to a command.

internal import Foundations
internal import Services
internal import Wire

/// A service that says nothing.
struct NoAnswer: Error, CustomStringConvertible {
  var address: String
  var seconds: Int

  var description: String { "\(address): no answer in \(seconds) s" }
}

extension CommandLineInterface {
  /// The answer to a question.
  ///
  /// - Throws: `NoAnswer` if none comes in time, and what `ServiceClient.ask` throws.
  static func answer<Answer>(
    of address: String, within seconds: Int, to encode: (FrameWriter) -> Void, as type: MessageType,
    _ decode: (inout FrameCursor) throws(WireError) -> Answer
  ) throws -> Answer {
    let answer = try ServiceClient.ask(
      address, timeout: .seconds(Double(seconds)), encode, for: type, decode)
    guard let answer else { throw NoAnswer(address: address, seconds: seconds) }
    return answer
  }

  /// How a snapshot or a restore has ended: begins it, and asks until it is done or has failed.
  ///
  /// - Throws: as `answer(of:within:to:as:)`.
  static func copy(_ request: CopyRequest, at address: String) throws -> CopyStatus {
    while true {
      let status = try answer(of: address, within: 10, to: request.encode, as: .copyStatus) {
        (cursor) throws(WireError) in try CopyStatus(from: &cursor)
      }
      if status.state != .underWay { return status }
      Pause.short()
    }
  }
}
