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

  func limiterState(_ index: Int, now: Instant) -> LimiterState {
    let statistics = store.statistics.tables
    var state = LimiterState(
      table: configuration.store.tables[index].schema.name, limits: store.limits[index],
      error: index < statistics.count ? statistics[index].limiterError : 0,
      size: index < statistics.count ? statistics[index].size : 0)
    if let insertBlock, insertBlock.table == index {
      state.insertsBlocked = BlockedCalls(
        reason: insertBlock.reason, seconds: (now - insertBlock.since).seconds)
    }
    if let waiting = waitingSamples.first(where: { $0.request.table == index }),
      let reason = store.reasonSampleBlocked(table: index, count: waiting.request.count)
    {
      state.samplesBlocked = BlockedCalls(reason: reason, seconds: (now - waiting.since).seconds)
    }
    return state
  }

  /// Changes a table's limits, lets in what they now admit, and says what they are.
  mutating func limits(
    _ request: LimitsRequest, from peer: PeerID, now: Instant, sink: inout some FrameSink
  ) {
    let names = configuration.store.tables.map(\.schema.name)
    let named = request.table ?? (names.count == 1 ? names[0] : "")
    guard let index = names.firstIndex(of: named) else {
      let text = "table: expected one of \(names.joined(separator: ", ")), found '\(named)'"
      return refuse(.invalid, .limitsRequest, 0, text, peer, &sink)
    }
    if request.asksForChange {
      do throws(ReplayStoreError) {
        try store.change(limits: request.applied(to: store.limits[index]), table: index)
      } catch {
        return refuse(.invalid, .limitsRequest, 0, error.description, peer, &sink)
      }
      notices.append("limits of table '\(named)' are now \(store.limits[index])")
      drain(now: now, sink: &sink)
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
