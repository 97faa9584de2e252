// Brings what is written to a large file to the disk, beside whoever writes.

internal import CKernels
internal import Foundations
internal import Glibc

/// Follows the writes to a file that may not fit in memory: has the kernel write their pages, and lets go of them once they are written.
///
/// Left to itself the kernel gathers dirty pages until it stops the writer for long, and what it finds room in meanwhile are clean
/// pages: those that batches have just had read. Works on a thread of its own, as both cost as much time as the writing itself.
final class WriteBehind {
  private let descriptor: Int32
  private let worker: BackgroundWorker
  /// Written since the last piece.
  private var unwritten = 0..<0
  /// Pieces that have been begun, oldest first, not yet waited for.
  private var begun: [Range<Int>] = []
  private var ticket: UInt64 = 0
  private var jobs = 0

  private static let pieceBytes = 8 << 20
  /// Pieces on their way to the disk, so that it has always something to do.
  private static let begunMax = 3
  /// Pieces that the thread may be late; then the writer waits for the disk.
  private static let jobsMax = 4

  /// Throws `storage` if there is no thread to be had. The descriptor must stay open as long as it lives.
  init(descriptor: Int32) throws(ReplayStoreError) {
    self.descriptor = descriptor
    do throws(SystemCallError) {
      worker = try BackgroundWorker(isPatient: true)
    } catch {
      throw .storage(error.description)
    }
  }

  /// Some bytes have been written.
  func note(_ offset: Int, _ count: Int) {
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

  /// Whether whoever writes more may have to wait for the disk.
  var isFull: Bool {
    if jobs >= Self.jobsMax { jobs -= worker.finished().count }
    return jobs >= Self.jobsMax
  }

  /// Whether nothing is being done, so that it can go without waiting.
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
