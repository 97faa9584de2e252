// Writes a large file's dirty pages to disk, beside the thread that fills them.

internal import CKernels
internal import Foundations
internal import Glibc

/// Paces the writes to a file that may not fit in memory: starts writing their pages to disk, and
/// releases the pages once they are written.
///
/// Otherwise the kernel gathers dirty pages until it stops the writer for long, and meanwhile
/// evicts clean pages that have just been read for batches. It uses a thread of its own, because it
/// takes as much time as the writing itself.
final class WriteBehind {
  private let descriptor: Int32
  private let worker: BackgroundWorker
  /// Bytes of the arena whose write-back has not begun.
  private var unwritten = 0..<0
  /// Pieces whose writing has been started and not waited for, oldest first.
  private var begun: [Range<Int>] = []
  /// The number of the last job given to the thread.
  private var ticket: UInt64 = 0
  /// Jobs that the thread has not finished.
  private var jobs = 0

  private static let pieceBytes = 8 << 20
  /// Pieces on their way to the disk at once, so that the disk is never idle.
  private static let begunMax = 3
  /// Most jobs that wait for the thread; then the writer waits for the disk.
  private static let jobsMax = 4

  /// Throws `storage` if no thread can be started. The descriptor must stay open as long as this
  /// object exists.
  init(descriptor: Int32) throws(ReplayStoreError) {
    self.descriptor = descriptor
    do throws(SystemCallError) {
      worker = try BackgroundWorker(isLowPriority: true)
    } catch {
      throw .storage(error.description)
    }
  }

  /// Records that bytes have been written.
  func didWrite(_ offset: Int, _ count: Int) {
    if unwritten.upperBound != offset { unwritten = offset..<offset }
    unwritten = unwritten.lowerBound..<offset + count
    guard unwritten.count >= Self.pieceBytes else { return }
    begin(unwritten)
    unwritten = unwritten.upperBound..<unwritten.upperBound
  }

  private func begin(_ piece: Range<Int>) {
    begun.append(piece)
    let oldest = begun.count > Self.begunMax ? begun.removeFirst() : nil
    waitForRoom()
    ticket += 1
    jobs += 1
    worker.submit(ticket) { [descriptor] in
      rookery_write_back(descriptor, Int64(piece.lowerBound), Int64(piece.count))
      if let oldest { rookery_write_back_finish(descriptor, Int64(oldest.lowerBound), Int64(oldest.count)) }
    }
  }

  /// Whether the next write may have to wait for the disk.
  var isFull: Bool {
    if jobs >= Self.jobsMax { jobs -= worker.finished().count }
    return jobs >= Self.jobsMax
  }

  /// Whether the thread is idle, so that the object can be released without waiting.
  var isIdle: Bool {
    if jobs > 0 { jobs -= worker.finished().count }
    return jobs == 0
  }

  private func waitForRoom() {
    while isFull {
      var waited = pollfd(fd: worker.descriptor, events: Int16(POLLIN), revents: 0)
      _ = poll(&waited, 1, -1)
    }
  }
}
