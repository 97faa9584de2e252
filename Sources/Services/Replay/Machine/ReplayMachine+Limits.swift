// Limits: what they are, what they block, and how they change.

internal import Experience
public import Foundations
public import ReplayStore
internal import Wire

/// Inserts or samples that a table blocks.
public struct BlockedCalls: Hashable, Sendable {
  /// The limiter's inequality with its numbers, or the unread items that an insert would remove.
  public var reason: String
  /// How long they have been blocked.
  public var seconds: Double
}

/// The limits of tables, by name.
public typealias LimitsByTable = [String: RateLimiterConfiguration]

/// A table's limits and their state.
public struct LimiterState: Hashable, Sendable {
  /// The table's name.
  public var table: String
  /// Its limits, as configured or changed since.
  public var limits: RateLimiterConfiguration
  /// The limiter's error: inserts · samplesPerInsert − samples.
  public var error: Double
  /// Items in the table.
  public var size: Int
  /// Set if insert messages wait and this table blocks the first of them.
  public var insertsBlocked: BlockedCalls?
  /// Set if requests to this table wait.
  public var samplesBlocked: BlockedCalls?
}

extension ReplayMachine {
  /// The state of each table's limits, in the tables' order.
  public func limiterStates(now: Instant) -> [LimiterState] {
    configuration.store.tables.indices.map { limiterState($0, now: now) }
  }

  /// The limits that differ from the configuration's, if any limit has changed since the last call;
  /// else nil.
  public mutating func takeNewLimits() -> LimitsByTable? {
    guard hasNewLimits else { return nil }
    hasNewLimits = false
    var changed: LimitsByTable = [:]
    for (table, limits) in zip(configuration.store.tables, store.limits) where limits != table.limiter {
      changed[table.schema.name] = limits
    }
    return changed
  }

  /// Adopts limits that other shards were given. Limits of unknown tables, and limits that could
  /// block both sides, are left out with a notice.
  public mutating func adopt(_ limits: LimitsByTable) {
    for (name, limits) in limits.sorted(by: { $0.key < $1.key }) {
      guard let index = configuration.store.tables.firstIndex(where: { $0.schema.name == name }) else {
        notices.append("limits of table '\(name)', which other shards have, are left out: no such table")
        continue
      }
      do throws(ReplayStoreError) {
        try store.change(limits: limits, table: index)
        hasNewLimits = true
        notices.append("limits of table '\(name)' are those that other shards were given: \(limits)")
      } catch {
        notices.append(
          "limits of table '\(name)', which other shards have, are left out: \(error.description)")
      }
    }
  }

  func limiterState(_ index: Int, now: Instant) -> LimiterState {
    let statistics = store.statistics.tables
    var state = LimiterState(
      table: configuration.store.tables[index].schema.name, limits: store.limits[index],
      error: index < statistics.count ? statistics[index].limiterError : 0,
      size: index < statistics.count ? statistics[index].size : 0)
    if let block = waitingInserts.block, block.table == index {
      state.insertsBlocked = BlockedCalls(reason: block.reason, seconds: (now - block.since).seconds)
    }
    if let waiting = waitingSamples.first(of: index),
      let reason = reasonHeld(waiting.request, of: waiting.peer, now: now)
        ?? store.reasonSampleBlocked(table: index, count: waiting.request.count)
    {
      state.samplesBlocked = BlockedCalls(reason: reason, seconds: (now - waiting.since).seconds)
    }
    return state
  }

  /// Changes a table's limits if the request asks for it, serves what they now admit, and answers
  /// with them.
  mutating func limits(
    _ request: LimitsRequest, from peer: PeerID, now: Instant, sink: some FrameSink
  ) {
    let names = configuration.store.tables.map(\.schema.name)
    let named = request.table ?? (names.count == 1 ? names[0] : "")
    guard let index = names.firstIndex(of: named) else {
      let text = "table: expected one of \(names.joined(separator: ", ")), found '\(named)'"
      return refuse(.invalid, .limitsRequest, 0, text, peer, sink)
    }
    if request.asksForChange {
      do throws(ReplayStoreError) {
        try store.change(limits: request.applied(to: store.limits[index]), table: index)
      } catch {
        return refuse(.invalid, .limitsRequest, 0, error.description, peer, sink)
      }
      hasNewLimits = true
      notices.append("limits of table '\(named)' are now \(store.limits[index])")
      drain(now: now, sink: sink)
    }
    let state = limiterState(index, now: now)
    LimitsAnswer(
      table: named, samplesPerInsert: state.limits.samplesPerInsert, minSize: UInt64(state.limits.minSize),
      errorMin: state.limits.errorMin, errorMax: state.limits.errorMax, error: state.error,
      size: UInt64(state.size)
    ).encode(into: scratch)
    sink.send(scratch.bytes, to: peer)
  }
}

extension LimitsRequest {
  fileprivate func applied(to limits: RateLimiterConfiguration) -> RateLimiterConfiguration {
    RateLimiterConfiguration(
      samplesPerInsert: samplesPerInsert ?? limits.samplesPerInsert,
      minSize: minSize.map { Int(clamping: $0) } ?? limits.minSize,
      errorMin: errorMin ?? limits.errorMin, errorMax: errorMax ?? limits.errorMax)
  }
}
