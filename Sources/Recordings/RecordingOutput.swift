// Writes a recording that is made of others.

internal import Experience
internal import Foundations
internal import Glibc
internal import Wire

/// A new recording. Messages of each source come in ascending order. Of a number that is passed
/// over the file tells that it was left out on purpose: what was not recorded is added as missed.
final class RecordingOutput {
  /// What was written.
  private(set) var result = RecordingResult()
  private let file: RecordingFile
  private let scratch = FrameWriter()
  private var sources: [Source] = []

  private struct Source {
    var builder: BlockBuilder
    /// The last number that the file tells of.
    var told: UInt64
  }

  /// Blocks are written when they have as much content: enough to compress well, and little to
  /// lose.
  private static let blockBytes = 1 << 20

  /// - Throws: `RecordingError` if there is a file of this name.
  init(path: String, about: RecordingAbout, level: Int) throws(RecordingError) {
    file = try RecordingFile(path: path, about: about, level: level, isNew: true)
  }

  /// Adds a source; returns its number.
  func add(_ source: RecordingSource) throws(SystemCallError) -> Int {
    let number = try file.add(source)
    sources.append(Source(builder: BlockBuilder(source: number), told: max(1, source.next) - 1))
    return number
  }

  /// Adds a message.
  func add(
    _ message: Accepted, body: UnsafeRawBufferPointer, steps: Int, items: Int, to source: Int
  ) throws(SystemCallError) {
    if sources[source].builder.content.count + body.count > Self.blockBytes { try flush(source) }
    begin(source, before: message.number, message.time)
    sources[source].builder.add(message, body: body, steps: steps, items: items, scratch: scratch)
    sources[source].told = message.number
    result.messages += 1
    result.steps += UInt64(steps)
    result.items += UInt64(items)
  }

  /// Adds messages that were accepted, and that the file does not hold.
  func add(_ missed: MissedMessages, to source: Int) {
    begin(source, before: missed.numbers.lowerBound, missed.time)
    sources[source].builder.add(missed, scratch: scratch)
    sources[source].told = max(sources[source].told, missed.numbers.upperBound)
    result.missed = result.missed.adding(missed.count)
  }

  /// Tells that all numbers up to one, which were not added, are left out on purpose.
  func skip(to number: UInt64, time: Int64, of source: Int) {
    guard number > sources[source].told else { return }
    begin(source, before: number, time)
    sources[source].builder.skip(number: number, time: time)
    sources[source].told = number
  }

  /// A block tells of all numbers behind those of the block before it.
  private func begin(_ source: Int, before number: UInt64, _ time: Int64) {
    let first = sources[source].told + 1
    if sources[source].builder.isEmpty, first < number {
      sources[source].builder.skip(number: first, time: time)
    }
  }

  /// Adds a block as it is.
  func copy(_ header: BlockHeader, frame: [UInt8], to source: Int) throws(SystemCallError) {
    try flush(source)
    var header = header
    header.source = UInt32(source)
    header.firstNumber = min(header.firstNumber, sources[source].told + 1)
    try file.append(header, frame: frame)
    sources[source].told = max(sources[source].told, header.lastNumber)
    result.messages += header.messages
    result.steps += header.steps
    result.items += header.items
    result.missed = result.missed.adding(header.missed)
    result.blocksCopied += 1
  }

  private func flush(_ source: Int) throws(SystemCallError) {
    guard !sources[source].builder.isEmpty else { return }
    try file.append(sources[source].builder)
    sources[source].builder = BlockBuilder(source: source)
  }

  /// Ends the file.
  func finish() throws(SystemCallError) {
    for source in sources.indices { try flush(source) }
    try file.finish()
    result.fileBytes = file.byteCount
  }

  /// Removes the file: what it was to hold cannot be written.
  func discard() { unlink(file.path) }
}

/// What a new recording holds.
public struct RecordingResult: Hashable, Sendable {
  public var messages: UInt64 = 0
  public var steps: UInt64 = 0
  public var items: UInt64 = 0
  /// Messages that are told of as missed: those that the recorder missed, and those that damage
  /// took.
  public var missed: UInt64 = 0
  /// Messages that were in several of the files.
  public var repeated: UInt64 = 0
  /// Blocks that were not compressed again.
  public var blocksCopied: UInt64 = 0
  public var fileBytes: UInt64 = 0
  /// Damage of the files that were read.
  public var damage: [RecordingDamage] = []
}
