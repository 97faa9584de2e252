// The digest of a recording's messages.

public import Experience
public import Wire

/// The digest of one source's messages, as if they were inserted into a fresh replay of one shard:
/// positions count steps from 0 in the order of the messages. It equals the digest of the shard's
/// own store if the recording began with the shard, missed nothing and leaves nothing out.
///
/// It keeps 24 bytes for each chunk, to find the first steps of items.
public struct RecordingDigest: Sendable {
  /// Of the steps and items so far.
  public private(set) var digest = ExperienceDigest()
  /// Items whose first step is not in the recording. They are not in the digest.
  public private(set) var itemsLeftOut: UInt64 = 0
  private var streams: [Key: [Run]] = [:]

  private struct Key: Hashable {
    var writer: PublicName
    var stream: UInt32
  }

  /// Consecutive steps of a stream, at consecutive positions.
  private struct Run {
    var firstIndex: UInt64
    var position: UInt64
    var count: UInt64

    var end: UInt64 { firstIndex + count }
  }

  public init() {}

  /// Adds a message. O(bytes + items · log chunks).
  public mutating func add(_ message: Accepted, _ insertion: Insertion) {
    for chunk in insertion.chunks.indices {
      let position = digest.steps
      digest.add(insertion, chunk: chunk, at: position)
      add(insertion.chunks[chunk], of: message.writer, at: position)
    }
    var largest = message.priorities
    for block in insertion.items {
      while largest.count <= block.table { largest.append(1) }
      for index in 0..<block.count {
        let item = block[index]
        guard let position = position(of: item, writer: message.writer) else {
          itemsLeftOut += 1
          continue
        }
        let priority = item.priority ?? largest[block.table]
        if priority > largest[block.table] { largest[block.table] = priority }
        digest.add(table: block.table, position: position, span: item.count, priority: priority)
      }
    }
  }

  private mutating func add(_ chunk: ChunkHeader, of writer: PublicName, at position: UInt64) {
    let run = Run(firstIndex: chunk.firstIndex, position: position, count: UInt64(chunk.count))
    let key = Key(writer: writer, stream: chunk.stream)
    // Indices rise. Should one go back, the newer steps count.
    while let last = streams[key]?.last, last.end > run.firstIndex { streams[key]?.removeLast() }
    if let last = streams[key]?.last, last.end == run.firstIndex, last.position + last.count == position {
      streams[key]![streams[key]!.count - 1].count += run.count
    } else {
      streams[key, default: []].append(run)
    }
  }

  private func position(of item: Item, writer: PublicName) -> UInt64? {
    guard let runs = streams[Key(writer: writer, stream: item.stream)] else { return nil }
    var (low, high) = (0, runs.count)
    // Items mostly begin in the stream's last steps.
    if let last = runs.last, last.firstIndex <= item.firstIndex { low = runs.count - 1 }
    while low < high {
      let middle = (low + high) / 2
      if runs[middle].firstIndex <= item.firstIndex { low = middle + 1 } else { high = middle }
    }
    guard low > 0, item.firstIndex < runs[low - 1].end else { return nil }
    return runs[low - 1].position + (item.firstIndex - runs[low - 1].firstIndex)
  }
}
