// How many steps all actors have taken.

public import Experience
internal import Wire

/// The sum of the actors' env steps over the whole run, from their reports. Each actor counts its
/// own from its start. The last count of each is remembered, and saved with the sum, so that no
/// step counts twice after a restart of the server.
public struct EnvStepCount: Hashable, Sendable {
  /// An actor's last report.
  public struct Actor: Hashable, Sendable {
    public var name: PublicName
    public var envSteps: UInt64

    public init(name: PublicName, envSteps: UInt64) {
      self.name = name
      self.envSteps = envSteps
    }
  }

  /// All steps so far.
  public private(set) var total: UInt64
  /// The actors, the one that has been silent longest first; at most as many as processes are
  /// kept.
  public private(set) var actors: [Actor]

  public init(total: UInt64 = 0, actors: [Actor] = []) {
    self.total = total
    self.actors = actors
  }

  /// Adds what an actor has stepped since its last report. Counts that no actor can have are
  /// ignored: reports may be forged. It takes O(actors).
  mutating func record(_ count: Double, of actor: PublicName) {
    guard count >= 0, count <= Self.countMax else { return }
    var report = Actor(name: actor, envSteps: UInt64(count))
    var before: UInt64 = 0
    if let index = actors.lastIndex(where: { $0.name == actor }) {
      before = actors.remove(at: index).envSteps
    } else if actors.count >= Limits.processes {
      actors.removeFirst()
    }
    // A count falls by an action whose outcome was lost; it rises again before it adds.
    report.envSteps = max(report.envSteps, before)
    actors.append(report)
    total = min(Limits.number, total + (report.envSteps - before))
  }

  private static let countMax = 1e15
}
