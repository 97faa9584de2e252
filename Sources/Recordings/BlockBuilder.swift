// Collects the messages of a block.

public import Wire

/// A block of messages of one source that is being filled.
public struct BlockBuilder: Sendable {
  /// Describes the content so far; `RecordingFile.append` completes it.
  public private(set) var header = BlockHeader(kind: .messages)
  /// Entries so far, as msgpack.
  public private(set) var content: [UInt8] = []

  public init(source: Int) {
    header.source = UInt32(source)
  }

  public var isEmpty: Bool { header.lastNumber == 0 }

  /// Adds a message.
  /// - Parameters:
  ///   - body: the bytes of its chunks and items.
  ///   - scratch: is used for the elements before them.
  public mutating func add(
    _ message: Accepted, body: UnsafeRawBufferPointer, steps: Int, items: Int, scratch: FrameWriter
  ) {
    scratch.clear()
    scratch.array(1 + Accepted.elementCount)
    scratch.unsigned(EntryType.message.rawValue)
    message.encodeElements(into: scratch)
    extend(number: message.number, time: message.time)
    content.append(contentsOf: scratch.bytes)
    content.append(contentsOf: body)
    header.messages += 1
    header.steps += UInt64(steps)
    header.items += UInt64(items)
  }

  /// Adds a message that a filter has left out entirely: only its number is kept.
  public mutating func skip(number: UInt64, time: Int64) { extend(number: number, time: time) }

  /// Adds messages that were not recorded. They may come behind messages with higher numbers.
  public mutating func add(_ missed: MissedMessages, scratch: FrameWriter) {
    scratch.clear()
    scratch.array(4)
    scratch.unsigned(EntryType.missed.rawValue)
    scratch.unsigned(missed.numbers.lowerBound)
    scratch.unsigned(missed.numbers.upperBound)
    scratch.unsigned(UInt64(missed.time))
    extend(number: missed.numbers.lowerBound, time: missed.time)
    extend(number: missed.numbers.upperBound, time: missed.time)
    content.append(contentsOf: scratch.bytes)
    header.missed += missed.count
  }

  private mutating func extend(number: UInt64, time: Int64) {
    if header.lastNumber == 0 {
      header.firstNumber = number
      header.firstTime = time
    }
    header.firstNumber = min(number, header.firstNumber)
    header.lastNumber = max(number, header.lastNumber)
    header.firstTime = min(time, header.firstTime)
    header.lastTime = max(time, header.lastTime)
  }
}
