// What a table is made with.

public import Experience

/// A table: what its items are, how they are chosen and how fast.
public struct TableConfiguration: Hashable, Sendable {
  public var schema: TableSchema
  public var sampler: SelectorKind
  /// Chooses what goes when `itemsMax` is reached.
  public var remover: SelectorKind
  /// The most items; nil for as many as there are steps.
  public var itemsMax: Int?
  /// An item goes after being sampled so often; 0 for never. With 1 and a FIFO sampler the table is consume-once: see
  /// `isConsumeOnce`.
  public var timesSampledMax: Int
  public var limiter: RateLimiterConfiguration
  /// The largest batch that may be asked for.
  public var batchSizeMax: Int
  /// The most items for this table in one message; enforced where the limiter is bounded, as its range depends on it.
  public var itemsPerMessageMax: Int
  /// Raw priorities above this count as this.
  public var priorityLimit: Float

  public init(
    schema: TableSchema, sampler: SelectorKind = .uniform, remover: SelectorKind = .fifo,
    itemsMax: Int? = nil, timesSampledMax: Int = 0, limiter: RateLimiterConfiguration = .unlimited(),
    batchSizeMax: Int = 4096, itemsPerMessageMax: Int = 4096, priorityLimit: Float = .greatestFiniteMagnitude
  ) {
    self.schema = schema
    self.sampler = sampler
    self.remover = remover
    self.itemsMax = itemsMax
    self.timesSampledMax = timesSampledMax
    self.limiter = limiter
    self.batchSizeMax = batchSizeMax
    self.itemsPerMessageMax = itemsPerMessageMax
    self.priorityLimit = priorityLimit
  }
}

extension TableConfiguration {
  /// An item's record counts times sampled in 16 bits.
  static let timesSampledLimit = Int(UInt16.max) - 1
  /// An item's record holds its span in 16 bits.
  static let spanLimit = Int(UInt16.max)
  /// Batches beyond this are a mistake; it bounds what a request can make the store allocate.
  static let batchSizeLimit = 1 << 24

  /// A queue: every item is read once, in order. Inserts are held back rather than lose an item that nobody has read.
  public var isConsumeOnce: Bool { sampler == .fifo && timesSampledMax == 1 }

  /// Whether the remover needs a structure beside the sampler's.
  var hasOwnRemover: Bool { itemsMax != nil && remover != sampler }

  /// Why this table cannot be made over `capacity` steps, or nil if it can.
  func problem(capacity: Int) -> String? {
    switch schema.kind {
    case .transition(let nStep, let discount):
      if nStep < 1 || nStep >= Self.spanLimit || nStep >= capacity {
        return "n-step: expected 1 to \(min(Self.spanLimit, capacity) - 1), found \(nStep)"
      }
      if !(discount >= 0 && discount <= 1) { return "discount: expected 0 to 1, found \(discount)" }
    case .sequence(let length, let period, _):
      let most = min(Self.spanLimit, capacity)
      if length < 1 || length > most { return "length: expected 1 to \(most) steps, found \(length)" }
      if period < 1 { return "period: expected at least 1 step, found \(period)" }
    case .record: break
    }
    if let problem = sampler.problem { return problem }
    if let problem = remover.problem { return "remover: \(problem)" }
    if let itemsMax, itemsMax < 1 { return "itemsMax: expected at least 1, found \(itemsMax)" }
    if timesSampledMax < 0 || timesSampledMax > Self.timesSampledLimit {
      return "timesSampledMax: expected 0 to \(Self.timesSampledLimit), found \(timesSampledMax)"
    }
    if batchSizeMax < 1 || batchSizeMax > Self.batchSizeLimit {
      return "batchSizeMax: expected 1 to \(Self.batchSizeLimit), found \(batchSizeMax)"
    }
    if itemsPerMessageMax < 1 {
      return "itemsPerMessageMax: expected at least 1, found \(itemsPerMessageMax)"
    }
    if !(priorityLimit > 0 && priorityLimit.isFinite) {
      return "priorityLimit: expected a finite positive number, found \(priorityLimit)"
    }
    if let problem = limiter.problem(
      batchSizeMax: batchSizeMax, itemsPerMessageMax: itemsPerMessageMax,
      sizeMax: min(itemsMax ?? capacity, capacity))
    {
      return problem
    }
    return isConsumeOnce ? consumeOnceProblem : nil
  }

  /// What would lock a consume-once table: inserts wait for samples that the limiter, or too few items, hold back.
  ///
  /// An insert of n items waits only if more than itemsMax − n are there. Then a batch b must be admitted: size ≥ minSize,
  /// size ≥ b and, as the error is the size if each insert brings one sample, size − b ≥ errorMin.
  private var consumeOnceProblem: String? {
    if limiter.errorMin > -.infinity || limiter.errorMax < .infinity, limiter.samplesPerInsert != 1 {
      return
        "samplesPerInsert: expected 1, as a consume-once table (fifo, timesSampledMax 1) gives each item once, or no "
        + "error range, found \(limiter.samplesPerInsert)"
    }
    guard let itemsMax else { return nil }
    let served = max(Double(limiter.minSize), Double(batchSizeMax) + max(0, limiter.errorMin))
    let needed = served + Double(itemsPerMessageMax) - 1
    if Double(itemsMax) < needed {
      return
        "itemsMax: expected at least \(needed), as a consume-once table must hold what a batch needs (\(served)) and a "
        + "message of \(itemsPerMessageMax) items, else both wait for each other, found \(itemsMax)"
    }
    return nil
  }
}
