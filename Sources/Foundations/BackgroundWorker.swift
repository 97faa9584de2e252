// One thread for work that would hold up a service.

internal import Glibc
internal import Synchronization

/// Runs jobs one after the other on a thread of its own, and says by a descriptor that some are done: for what waits for the disk.
///
/// Its owner bounds how many jobs it hands over. The thread sleeps while there are none, and ends with the worker, after the
/// jobs that it has.
public final class BackgroundWorker: Sendable {
  private struct State {
    var jobs: [(ticket: UInt64, body: @Sendable () -> Void)] = []
    var finished: [UInt64] = []
    var isEnding = false
  }

  /// What thread and owner share.
  private final class Shared: Sendable {
    let state = Mutex(State())
    let wake: Semaphore
    let isPatient: Bool
    /// Signalled for each job that is done.
    let done: WakeUp

    init(isPatient: Bool) throws(SystemCallError) {
      self.isPatient = isPatient
      wake = Semaphore()
      done = try WakeUp()
    }

    func work() {
      if isPatient { setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 10) }
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

  /// - Parameter isPatient: its thread gives way to others that want to run (nice 10, which on Linux is a thread's own).
  /// - Throws: `SystemCallError` if there is no thread or descriptor to be had.
  public init(isPatient: Bool = false) throws(SystemCallError) {
    let shared = try Shared(isPatient: isPatient)
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

  /// Waits for the job that is being done, and drops those after it: for jobs that use what is about to go.
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
    // Woken without a job, it ends.
    shared.wake.post()
    pthread_join(thread, nil)
  }

  /// Readable when jobs are done.
  public var descriptor: Int32 { shared.done.descriptor }

  /// Hands a job over, to be done after all others or, if it `isNext`, before those that have not begun; its ticket comes back from
  /// `finished`.
  public func submit(_ ticket: UInt64, isNext: Bool = false, _ body: @escaping @Sendable () -> Void) {
    shared.state.withLock { $0.jobs.insert((ticket, body), at: isNext ? 0 : $0.jobs.count) }
    shared.wake.post()
  }

  /// The tickets of jobs that were done since the last call, in order.
  public func finished() -> [UInt64] {
    shared.done.clear()
    return shared.state.withLock { state in
      defer { state.finished.removeAll() }
      return state.finished
    }
  }
}

/// Counts what may be taken, and lets a thread sleep until there is something.
private final class Semaphore: @unchecked Sendable {
  // Proof of Sendable: `sem_t` is made to be shared by threads; its memory is allocated once, used through `sem_wait` and `sem_post`
  // only, and freed when nobody has it any more.
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
