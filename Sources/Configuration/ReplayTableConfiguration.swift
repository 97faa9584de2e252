// One of several tables over the same steps.

public import Experience

/// `replay.tables.NAME`: the table's items, how they are sampled, and how fast.
public struct ReplayTableConfiguration: Hashable, Sendable {
  /// 1 to 64 lower-case letters, digits, `_` and `-`.
  public var name: String
  /// Whether items are transitions, sequences or records.
  public var kind: TableKind.Name
  /// n of n-step transitions.
  public var nStep: Int
  /// γ of one step, for the returns of transitions.
  public var discount: Double
  /// Steps of a sequence.
  public var length = 80
  /// Steps from the start of a sequence to the start of the next.
  public var period = 40
  /// Whether a sequence crosses the end of an episode or is padded there.
  public var episodes = SequenceEpisodes.cross
  /// Most items; 0: only `replay.capacity` limits them.
  public var maxItems: Int
  /// Draws the items of a batch.
  public var sampler: SelectorKind.Name
  /// Picks the item that is removed once there are `maxItems`.
  public var remover: SelectorKind.Name
  /// α: P(i) ∝ pᵢ^α, or ∝ 1 / rank(i)^α.
  public var priorityExponent: Double
  /// Items are removed after this many samples; 0: no limit.
  public var maxTimesSampled: Int
  /// η: the largest staleness of what is trained on, in updates; nil: no bound.
  public var maxStaleness: UInt64?
  /// What keeps that bound.
  public var whenStale = StalenessBound.Keeping.pace
  /// Raw priorities above this value are stored as this value; 0: no limit.
  public var priorityMax: Double
  /// The largest batch that one request may ask for.
  public var batchMax: Int
  /// Keeps samples per insert within a range.
  public var rateLimiter: RateLimiterConfiguration

  /// The protocol's limit of tables.
  public static let countMax = 16

  /// A table with the defaults of its keys. A table that no learner samples gets no limits on
  /// samples per insert, so that it does not block inserts for the other tables.
  init(
    name: String, replay: ReplayConfiguration, algorithm: AlgorithmConfiguration,
    learner: LearnerConfiguration
  ) {
    self.name = name
    kind = algorithm.tableKind
    nStep = algorithm.nStep
    discount = algorithm.discount
    maxItems = replay.maxItems
    sampler = replay.sampler
    remover = replay.remover
    priorityExponent = replay.priorityExponent
    maxTimesSampled = replay.maxTimesSampled
    priorityMax = replay.priorityMax
    if name == learner.table {
      batchMax = algorithm.batch * learner.batchesPerRequest
      rateLimiter = replay.rateLimiter
    } else {
      batchMax = 1024
      rateLimiter = RateLimiterConfiguration()
      (rateLimiter.samplesPerInsert, rateLimiter.minSize) = (0, 1)
    }
    if name == learner.table { (maxStaleness, whenStale) = (replay.maxStaleness, replay.whenStale) }
    if kind == .sequence {
      // Neighbours share a row: it bootstraps the one and begins the other.
      period = algorithm.trajectory.steps + (staleness?.contextSteps ?? 0)
      length = period + 1
    }
  }
}

extension ReplayTableConfiguration {
  /// The bound on the staleness of what is trained on; nil without one.
  public var staleness: StalenessBound? {
    maxStaleness.map { StalenessBound(max: $0, keeping: whenStale) }
  }

  mutating func read(_ reader: inout ConfigurationReader) {
    reader.choice("kind", &kind)
    switch kind {
    case .transition:
      reader.integer("n_step", &nStep, 1...1000)
      reader.double("discount", &discount, .from(0, to: 1))
    case .sequence:
      reader.integer("length", &length, 1...65_535)
      reader.integer("period", &period, 1...(1 << 30))
      reader.choice("episodes", &episodes, among: SequenceEpisodes.allCases, named: \.name)
    case .record: break
    }
    reader.integer("max_items", &maxItems, 0...(1 << 40))
    reader.choice("sampler", &sampler)
    reader.choice("remover", &remover)
    reader.double("priority_exponent", &priorityExponent, .from(0, to: 10))
    reader.integer("max_times_sampled", &maxTimesSampled, 0...1_000_000_000)
    reader.optionalInteger("max_staleness", &maxStaleness)
    reader.choice("when_stale", &whenStale)
    reader.double("priority_max", &priorityMax, .from(0, to: 1e30))
    reader.integer("batch_max", &batchMax, 1...1_048_576)
    reader.section("rate_limiter") { rateLimiter.read(&$0) }
  }

  /// Whether a text can name a table. Capitals are excluded: the name is part of a key, whose
  /// environment variable is read back in lower case.
  static func isName(_ text: String) -> Bool {
    let bytes = text.utf8
    return (1...64).contains(bytes.count)
      && bytes.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"),
          UInt8(ascii: "-"):
          true
        default: false
        }
      }
  }
}

extension ReplayConfiguration {
  /// Reads the tables in the order of their names.
  mutating func readTables(
    _ reader: inout ConfigurationReader, algorithm: AlgorithmConfiguration, learner: LearnerConfiguration
  ) {
    let set = reader.keys(below: "tables").map { String($0.prefix { $0 != "." }) }
    let known = Dictionary(tables.map { ($0.name, $0) }) { $1 }
    tables = []
    reader.section("tables") { reader in
      for name in Set(set).union(known.keys).sorted() {
        if !ReplayTableConfiguration.isName(name) { reader.refuseTable(name) }
        var table =
          known[name]
          ?? ReplayTableConfiguration(name: name, replay: self, algorithm: algorithm, learner: learner)
        reader.section(name) { table.read(&$0) }
        tables.append(table)
      }
    }
  }
}

extension ConfigurationReader {
  fileprivate mutating func refuseTable(_ name: String) {
    report(
      ConfigurationProblem(
        place: source(below: name).place, key: "replay.tables",
        expected: "a table's name of 1 to 64 lower-case letters, digits, '_' and '-'", found: "'\(name)'",
        advice: "rename it"))
  }
}
