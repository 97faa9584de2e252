// Answering what the replay holds.

internal import Experience
internal import Foundations
internal import ReplayStore
internal import Wire

extension ReplayMachine {
  func inspect(_ request: InspectRequest, to peer: PeerID, now: Instant, sink: some FrameSink) {
    do throws(ReplayStoreError) {
      try inspection(request, now: now).encode(into: scratch)
    } catch {
      return refuse(.invalid, .inspectRequest, 0, error.description, peer, sink)
    }
    sink.send(scratch.bytes, to: peer)
  }

  private func inspection(_ request: InspectRequest, now: Instant) throws(ReplayStoreError) -> Inspection {
    let names = configuration.store.tables.map(\.schema.name)
    if let table = request.table, !names.contains(table) {
      throw .request("table: expected one of \(names.joined(separator: ", ")), found '\(table)'")
    }
    let statistics = store.statistics
    var tables: [Inspection.Table] = []
    for index in statistics.tables.indices where request.table == nil || request.table == names[index] {
      tables.append(try table(index, statistics.tables[index], top: request.top, now: now))
    }
    let listed = writers.all.sorted { ($0.value.label, $0.key) < ($1.value.label, $1.key) }.prefix(
      Limits.writersShown)
    return Inspection(
      incarnation: incarnation,
      ring: Inspection.Ring(
        capacity: UInt64(statistics.capacity), steps: UInt64(statistics.steps), head: statistics.head,
        chunks: UInt64(statistics.chunks), streams: UInt64(statistics.streams)),
      storage: storageText, storageProblem: storageProblem, tables: tables,
      writersTotal: UInt64(writers.count),
      writers: listed.map { handle, writer in
        Inspection.Writer(
          label: writer.label, number: UInt64(handle), committed: writer.committed,
          waiting: UInt64(writer.waiting),
          age_s: (now - writer.lastHeard).seconds)
      }, item: try item(request, names))
  }

  /// The kind of storage, and the digest if one is kept.
  private var storageText: String {
    let storage = configuration.store.storage.description
    guard let digest = store.digest else { return storage }
    return
      "\(storage), digest \(digest) of \(digest.steps) steps and \(digest.items) items inserted since the start"
  }

  private func table(
    _ index: Int, _ statistics: ReplayStoreStatistics.Table, top: Int, now: Instant
  ) throws(ReplayStoreError) -> Inspection.Table {
    let found = try store.inspect(table: index, top: top)
    let limits = limiterState(index, now: now)
    func blocked(_ calls: BlockedCalls?) -> Inspection.Blocked? {
      calls.map { Inspection.Blocked(reason: $0.reason, seconds: $0.seconds) }
    }
    return Inspection.Table(
      name: statistics.name, sampler: "\(configuration.store.tables[index].sampler)",
      samplesPerInsert: limits.limits.samplesPerInsert,
      minSize: UInt64(limits.limits.minSize),
      errorMin: limits.limits.errorMin, errorMax: limits.limits.errorMax,
      numbers: [
        "size": Double(statistics.size), "mass": statistics.mass,
        "priority_max": Double(statistics.priorityMax),
        "error": statistics.limiterError, "inserted": Double(statistics.itemsInserted),
        "sampled": Double(statistics.itemsSampled), "stale": Double(statistics.itemsStale),
        "evicted": Double(statistics.itemsEvicted),
        "evicted_unsampled": Double(statistics.itemsEvictedUnsampled),
        "removed": Double(statistics.itemsRemoved), "outdated": Double(statistics.itemsOutdated),
        "priorities_updated": Double(statistics.prioritiesUpdated),
        "priorities_clipped": Double(statistics.prioritiesClipped),
        "priorities_gone": Double(statistics.prioritiesGone),
      ],
      insertsBlocked: blocked(limits.insertsBlocked), samplesBlocked: blocked(limits.samplesBlocked),
      histograms: [
        Inspection.Histogram(name: "age_steps", counts: found.ages.counts),
        Inspection.Histogram(name: "times_sampled", counts: found.timesSampled.counts),
        Inspection.Histogram(name: "staleness_versions", counts: found.staleness.counts),
        Inspection.Histogram(name: "priority", unit: 0x1p-20, counts: found.priorities.counts),
      ],
      top: found.top.map { Inspection.Ranked(key: $0.key, priority: $0.priority) },
      staleness: configuration.store.tables[index].staleness.map { staleness($0, table: index, now: now) })
  }

  private func staleness(_ bound: StalenessBound, table: Int, now: Instant) -> Inspection.Staleness {
    let waiting = pacer?.configuration.table == table ? pacer?.waitingInTurn ?? [] : []
    let outdated = counters.itemsOutdated.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
    return Inspection.Staleness(
      max: bound.max, keeping: bound.keeping.rawValue,
      trained: TrainedStaleness(samplers.all.values.compactMap(\.trained)),
      waitingTotal: UInt64(waiting.count), waiting_s: waiting.first.map { (now - $0.since).seconds } ?? 0,
      waiting: waiting.prefix(Limits.writersShown).map { writers.labels[$0.actor]?.text ?? "" },
      outdated: outdated.prefix(Limits.writersShown).map {
        Inspection.Outdated(label: $0.key, items: $0.value)
      })
  }

  private func item(_ request: InspectRequest, _ names: [String]) throws(ReplayStoreError) -> InspectedItem? {
    guard let key = request.key, store.schema != nil else { return nil }
    let table = request.table.flatMap { names.firstIndex(of: $0) } ?? 0
    guard let item = try store.item(key, table: table) else { return nil }
    return InspectedItem(
      table: names[table], key: key, priority: item.priority, timesSampled: UInt64(item.timesSampled),
      label: writers.labels[item.writer]?.text ?? "", writer: UInt64(item.writer),
      stream: UInt64(item.stream),
      firstIndex: item.firstIndex, weightsVersion: item.weightsVersion, flags: item.flags.map(\.rawValue),
      fields: item.fields, columns: item.columns)
  }
}
