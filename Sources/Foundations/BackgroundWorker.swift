// A thread for slow work.

internal import Glibc
internal import Synchronization

/// Runs jobs one after the other on its own thread, and signals a descriptor when some are done.
/// For work that waits for the disk.
///
/// The owner bounds how many jobs wait. The thread sleeps while there are none. It ends with the
/// worker, after its last job.
public final class BackgroundWorker: Sendable {
  private struct State {
    var jobs: [(ticket: UInt64, body: @Sendable () -> Void)] = []
    var finished: [UInt64] = []
    var isEnding = false
  }

  /// State that thread and owner share.
  private final class Shared: Sendable {
    let state = Mutex(State())
    let wake: Semaphore
    let isLowPriority: Bool
    /// Signalled after each job.
    let done: WakeUp

    init(isLowPriority: Bool) throws(SystemCallError) {
      self.isLowPriority = isLowPriority
      wake = Semaphore()
      done = try WakeUp()
    }

    func work() {
      if isLowPriority { ProcessPriority.lower() }
      while true {
        wake.wait()
        let job = state.withLock { state -> (ticket: UInt64, body: @Sendable () -> Void)? in
          state.jobs.isEmpty ? nil : state.jobs.removeFirst()
        }
        guard let job else { return }
        job.body()
        state.withLock { $0.finished.append(job.ticket) }
        done.signal()
      }
    }
  }

  private let shared: Shared
  private let thread: pthread_t
  private let isStopped = Mutex(false)

  /// - Parameter isLowPriority: other threads go first (nice 10, which on Linux holds for the
  ///   thread alone).
  /// - Throws: `SystemCallError` if the system has no thread or descriptor left.
  public init(isLowPriority: Bool = false) throws(SystemCallError) {
    let shared = try Shared(isLowPriority: isLowPriority)
    var thread = pthread_t()
    let argument = Unmanaged.passRetained(shared)
    let code = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<Shared>.fromOpaque(argument!).takeRetainedValue().work()
        return nil
      }, argument.toOpaque())
    guard code == 0 else {
      argument.release()
      throw SystemCallError("start a thread", code: code)
    }
    self.shared = shared
    self.thread = thread
  }

  deinit { end() }

  /// Waits for the running job and drops the jobs after it. Call it before what they use is freed.
  public func stop() {
    shared.state.withLock { $0.jobs.removeAll() }
    end()
  }

  private func end() {
    let wasStopped = isStopped.withLock { isStopped in
      defer { isStopped = true }
      return isStopped
    }
    if wasStopped { return }
    // Woken without a job, the thread ends.
    shared.wake.post()
    pthread_join(thread, nil)
  }

  /// Waits until all jobs are done, and ends the thread.
  public func waitForAll() { end() }

  /// Readable when jobs are done.
  public var descriptor: Int32 { shared.done.descriptor }

  /// Hands over a job. It runs after all others, or, if it `isNext`, before those that have not
  /// begun. `finished` returns its ticket.
  public func submit(_ ticket: UInt64, isNext: Bool = false, _ body: @escaping @Sendable () -> Void) {
    shared.state.withLock { $0.jobs.insert((ticket, body), at: isNext ? 0 : $0.jobs.count) }
    shared.wake.post()
  }

  /// The tickets of jobs that have ended since the last call, in order.
  public func finished() -> [UInt64] {
    shared.done.clear()
    return shared.state.withLock { state in
      defer { state.finished.removeAll() }
      return state.finished
    }
  }
}

/// A counting semaphore on which a thread can sleep.
private final class Semaphore: @unchecked Sendable {
  // Proof of Sendable: threads may share a `sem_t`. Its memory is allocated once, used through
  // `sem_wait` and `sem_post` only, and freed with the last reference.
  private let memory: UnsafeMutablePointer<sem_t>

  init() {
    memory = .allocate(capacity: 1)
    sem_init(memory, 0, 0)
  }

  deinit {
    sem_destroy(memory)
    memory.deallocate()
  }

  func wait() { while sem_wait(memory) != 0 {} }
  func post() { sem_post(memory) }
}
