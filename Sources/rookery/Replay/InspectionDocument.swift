// An inspection as JSON.

internal import Experience
internal import Wire

/// The object that `rookery inspect --json` prints for one replay service, on one line.
struct InspectionDocument: Encodable {
  struct Blocked: Encodable {
    var reason: String
    var seconds: Double
  }
  struct Ranked: Encodable {
    var key: UInt64
    var priority: Float
  }
  /// Bucket 0 counts values below the unit, bucket k those in [2^(k−1), 2^k) units.
  struct Histogram: Encodable {
    var unit: Double
    var counts: [UInt64]
  }
  struct Table: Encodable {
    var name: String
    var sampler: String
    var samples_per_insert: Double
    var min_size: UInt64
    var error_min: Double
    var error_max: Double
    var numbers: [String: Double]
    var inserts_blocked: Blocked?
    var samples_blocked: Blocked?
    var histograms: [String: Histogram]
    var top: [Ranked]
    /// nil without a bound on staleness.
    var staleness: Staleness?
  }
  struct Staleness: Encodable {
    struct Trained: Encodable {
      var rows: UInt64
      var mean: Double
      var p99: UInt64
      var max: UInt64
    }
    struct Outdated: Encodable {
      var actor: String
      var items: UInt64
    }
    var bound: UInt64
    var when_stale: String
    var trained: Trained?
    var actors_waiting: UInt64
    var waiting_s: Double
    var waiting: [String]
    var outdated: [Outdated]

    init(_ staleness: Inspection.Staleness) {
      bound = staleness.max
      when_stale = staleness.keeping
      trained = staleness.trained.map { Trained(rows: $0.rows, mean: $0.mean, p99: $0.p99, max: $0.max) }
      actors_waiting = staleness.waitingTotal
      waiting_s = staleness.waiting_s
      waiting = staleness.waiting
      outdated = staleness.outdated.map { Outdated(actor: $0.label, items: $0.items) }
    }
  }
  struct Writer: Encodable {
    var label: String
    var number: UInt64
    var committed: UInt64
    var waiting: UInt64
    var age_s: Double
  }
  struct Item: Encodable {
    var table: String
    var key: UInt64
    var priority: Float
    var times_sampled: UInt64
    var actor: String
    var writer: UInt64
    var stream: UInt64
    var first_index: UInt64
    var weights_version: UInt64
    var flags: [UInt8]
    /// By field, the values of each step in row-major order.
    var steps: [String: [[Double]]]
  }

  var address: String
  var incarnation: String
  var capacity: UInt64
  var steps: UInt64
  var inserted: UInt64
  var chunks: UInt64
  var streams: UInt64
  var storage: String
  var storage_problem: String?
  /// The learner of a shard that takes one at a time, if it has one.
  var learner: String?
  var tables: [Table]
  var writers_total: UInt64
  var writers: [Writer]
  var item: Item?

  init(address: String, _ inspection: Inspection, _ learner: Learner) {
    self.learner = learner.label
    self.address = address
    incarnation = inspection.incarnation.description
    capacity = inspection.ring.capacity
    steps = inspection.ring.steps
    inserted = inspection.ring.head
    chunks = inspection.ring.chunks
    streams = inspection.ring.streams
    storage = inspection.storage
    storage_problem = inspection.storageProblem
    func blocked(_ blocked: Inspection.Blocked?) -> Blocked? {
      blocked.map { Blocked(reason: $0.reason, seconds: $0.seconds) }
    }
    tables = inspection.tables.map { table in
      Table(
        name: table.name, sampler: table.sampler, samples_per_insert: table.samplesPerInsert,
        min_size: table.minSize, error_min: table.errorMin, error_max: table.errorMax, numbers: table.numbers,
        inserts_blocked: blocked(table.insertsBlocked), samples_blocked: blocked(table.samplesBlocked),
        histograms: Dictionary(
          table.histograms.map { ($0.name, Histogram(unit: $0.unit, counts: $0.counts)) }
        ) { $1 },
        top: table.top.map { Ranked(key: $0.key, priority: $0.priority) },
        staleness: table.staleness.map(Staleness.init))
    }
    writers_total = inspection.writersTotal
    writers = inspection.writers.map {
      Writer(
        label: $0.label, number: $0.number, committed: $0.committed, waiting: $0.waiting, age_s: $0.age_s)
    }
    item = inspection.item.map { item in
      Item(
        table: item.table, key: item.key, priority: item.priority, times_sampled: item.timesSampled,
        actor: item.label, writer: item.writer, stream: item.stream,
        first_index: item.firstIndex,
        weights_version: item.weightsVersion, flags: item.flags,
        steps: Dictionary(
          zip(item.fields, item.columns).map { field, column in
            (
              field.name,
              item.flags.indices.map {
                FieldText.elements(field, column, step: $0, limit: field.elementCount)
              }
            )
          }
        ) { $1 })
    }
  }
}
