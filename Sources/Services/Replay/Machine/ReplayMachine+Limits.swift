// Limits: what they are, whom they hold back, and how they change.

internal import Experience
public import Foundations
public import ReplayStore
internal import Wire

/// Calls that a table holds back.
public struct BlockedCalls: Hashable, Sendable {
  /// The inequality with its numbers, or what would be lost unread.
  public var reason: String
  /// For how long.
  public var seconds: Double
}

/// The limits of tables, by name.
public typealias LimitsByTable = [String: RateLimiterConfiguration]

/// A table's limits and what they do now.
public struct LimiterState: Hashable, Sendable {
  public var table: String
  public var limits: RateLimiterConfiguration
  /// inserts · samplesPerInsert − samples.
  public var error: Double
  public var size: Int
  /// Messages wait, the first of them for this table.
  public var insertsBlocked: BlockedCalls?
  /// Requests to this table wait.
  public var samplesBlocked: BlockedCalls?
}

extension ReplayMachine {
  /// Of each table, in order.
  public func limiterStates(now: Instant) -> [LimiterState] {
    configuration.store.tables.indices.map { limiterState($0, now: now) }
  }

  /// The limits of tables that are others than the configuration's, if any changed since the last call.
  public mutating func takeNewLimits() -> LimitsByTable? {
    guard hasNewLimits else { return nil }
    hasNewLimits = false
    var changed: LimitsByTable = [:]
    for (table, limits) in zip(configuration.store.tables, store.limits) where limits != table.limiter {
      changed[table.schema.name] = limits
    }
    return changed
  }

  /// Begins with limits that other shards have been given; those of tables that are not here, or that could lock both sides, are left
  /// out with a word.
  public mutating func begin(with limits: LimitsByTable) {
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
      let reason = store.reasonSampleBlocked(table: index, count: waiting.request.count)
    {
      state.samplesBlocked = BlockedCalls(reason: reason, seconds: (now - waiting.since).seconds)
    }
    return state
  }

  /// Changes a table's limits, lets in what they now admit, and says what they are.
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
