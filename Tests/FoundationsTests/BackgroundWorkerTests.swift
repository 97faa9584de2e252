// Work beside a service.

import Foundations
import Glibc
import Synchronization
import Testing

@Suite struct BackgroundWorkerTests {
  /// The order in which jobs were done.
  private final class Done: Sendable {
    let tickets = Mutex<[UInt64]>([])
    /// The first job waits until all others are handed over.
    let gate = Mutex(())
  }

  private func job(_ done: Done, _ ticket: UInt64) -> @Sendable () -> Void {
    { done.tickets.withLock { $0.append(ticket) } }
  }

  private func wait(for worker: BackgroundWorker, _ count: Int) -> [UInt64] {
    var tickets: [UInt64] = []
    while tickets.count < count {
      var waited = pollfd(fd: worker.descriptor, events: Int16(POLLIN), revents: 0)
      _ = poll(&waited, 1, -1)
      tickets += worker.finished()
    }
    return tickets
  }

  @Test func jobsAreDoneInOrderAndUrgentOnesBeforeThem() throws {
    let worker = try BackgroundWorker()
    let done = Done()
    let began = Mutex(false)
    done.gate.withLock { _ in
      worker.submit(1) {
        began.withLock { $0 = true }
        done.gate.withLock { _ in done.tickets.withLock { $0.append(1) } }
      }
      // The first job has begun once it says so; jobs submitted now wait.
      while !began.withLock({ $0 }) { sched_yield() }
      worker.submit(2, job(done, 2))
      worker.submit(3, job(done, 3))
      worker.submit(4, isNext: true, job(done, 4))
    }
    #expect(wait(for: worker, 4) == [1, 4, 2, 3])
    #expect(done.tickets.withLock { $0 } == [1, 4, 2, 3])
  }

  @Test func whatWaitsIsDroppedWhenItIsStopped() throws {
    let worker = try BackgroundWorker()
    let done = Done()
    worker.submit(1, job(done, 1))
    #expect(wait(for: worker, 1) == [1])
    worker.stop()
    worker.submit(2, job(done, 2))
    worker.stop()
    #expect(done.tickets.withLock { $0 } == [1])
  }

  @Test func jobsAreDoneBeforeItGoes() throws {
    let done = Done()
    do {
      let worker = try BackgroundWorker()
      for ticket in 1...100 as ClosedRange<UInt64> { worker.submit(ticket, job(done, ticket)) }
    }
    #expect(done.tickets.withLock { $0 } == Array(1...100))
  }
}
