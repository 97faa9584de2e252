// Writes a recording on a thread of its own.

internal import Foundations
internal import Recordings
internal import Synchronization

/// Compresses and writes the blocks of a recording, in order, on a thread of low priority: the
/// processes that learn go first.
final class RecordingWriter {
  /// A block that could not be written, and why.
  struct Failure: Sendable {
    var header: BlockHeader
    var problem: String
  }

  private struct State {
    /// Sources that could not be written yet: no block of them can.
    var unwritten: [RecordingSource] = []
    var failures: [Failure] = []
    /// Bytes of blocks that wait.
    var bytes = 0
  }

  private final class Shared: Sendable {
    let file: RecordingFile
    let state = Mutex(State())

    init(_ file: RecordingFile) { self.file = file }

    func write(_ sources: [RecordingSource], _ block: BlockBuilder?) {
      do throws(SystemCallError) {
        state.withLock { $0.unwritten += sources }
        while let source = state.withLock({ $0.unwritten.first }) {
          _ = try file.add(source)
          state.withLock { _ = $0.unwritten.removeFirst() }
        }
        if let block { try file.append(block) }
      } catch {
        guard let block else { return }
        state.withLock { $0.failures.append(Failure(header: block.header, problem: "\(error)")) }
      }
      state.withLock { $0.bytes -= block?.content.count ?? 0 }
    }
  }

  private let shared: Shared
  private let worker: BackgroundWorker

  /// Bytes of blocks that may wait for the disk. Beyond it the recorder stops reading, and the
  /// taps drop.
  private static let bytesMax = 128 << 20

  init(_ file: RecordingFile) throws(SystemCallError) {
    shared = Shared(file)
    worker = try BackgroundWorker(isLowPriority: true)
  }

  /// Readable when something was written.
  var descriptor: Int32 { worker.descriptor }
  /// Whether no more blocks should be handed over.
  var isFull: Bool { shared.state.withLock { $0.bytes >= Self.bytesMax } }

  func write(_ actions: [RecorderMachine.Action]) {
    var sources: [RecordingSource] = []
    for action in actions {
      switch action {
      case .source(let source): sources.append(source)
      case .block(let block): submit(&sources, block)
      }
    }
    if !sources.isEmpty { submit(&sources, nil) }
  }

  private func submit(_ sources: inout [RecordingSource], _ block: BlockBuilder?) {
    shared.state.withLock { $0.bytes += block?.content.count ?? 0 }
    worker.submit(0) { [shared, sources] in shared.write(sources, block) }
    sources = []
  }

  /// Blocks that could not be written since the last call.
  func failures() -> [Failure] {
    _ = worker.finished()
    return shared.state.withLock { state in
      defer { state.failures = [] }
      return state.failures
    }
  }

  /// Waits until everything is written, and ends the file with its index.
  /// - Throws: `SystemCallError`; the file can be read without an index.
  func finish() throws(SystemCallError) {
    worker.waitForAll()
    try shared.file.finish()
  }
}
