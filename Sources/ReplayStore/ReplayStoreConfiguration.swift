// The configuration of a store.

internal import Experience

/// The size of a store, its tables and its storage.
public struct ReplayStoreConfiguration: Hashable, Sendable {
  /// Steps that the ring holds, 1 to 2³¹; any number, not only powers of two.
  public var capacity: Int
  /// 1 to 64 tables with distinct names; a table's index is its number in messages.
  public var tables: [TableConfiguration]
  /// The most streams that are tracked at once. The default is enough for 1000 writers of 64
  /// environments each.
  public var streamsMax: Int
  /// Where the steps and items are kept.
  public var storage: StorageKind
  /// Bytes of steps that surely fit in memory; for `file` storage. A larger ring is written past
  /// its mappings, and its draws should be prefetched.
  public var residentMax = Int.max
  /// The largest fraction of a full ring that one writer may hold, above 0 and at most 1; 1: no
  /// quota. The store only counts; its caller holds messages back.
  public var writerQuota: Double
  /// Whether a digest of everything that is inserted is kept. It costs about as much as inserting.
  public var keepsDigest = false
  /// Seed of the generators from which removers draw.
  public var seed: UInt64

  public init(
    capacity: Int, tables: [TableConfiguration], streamsMax: Int = 65_536, storage: StorageKind = .memory,
    writerQuota: Double = 1, seed: UInt64 = 0
  ) {
    self.capacity = capacity
    self.tables = tables
    self.streamsMax = streamsMax
    self.storage = storage
    self.writerQuota = writerQuota
    self.seed = seed
  }
}

extension ReplayStoreConfiguration {
  static let capacityLimit = 1 << 31
  static let tablesLimit = 64

  /// Why no store can be made of this configuration; nil if one can.
  public var problem: String? {
    if capacity < 1 || capacity > Self.capacityLimit {
      return "capacity: expected 1 to \(Self.capacityLimit) steps, found \(capacity)"
    }
    if streamsMax < 1 || streamsMax > 1 << 30 {
      return "streams at once: expected 1 to \(1 << 30), found \(streamsMax)"
    }
    if !(writerQuota > 0 && writerQuota <= 1) {
      return "actor_share_max: expected above 0 and at most 1, found \(writerQuota)"
    }
    if tables.isEmpty || tables.count > Self.tablesLimit {
      return "tables: expected 1 to \(Self.tablesLimit), found \(tables.count)"
    }
    var names = Set<String>()
    for table in tables {
      if !names.insert(table.schema.name).inserted { return "table '\(table.schema.name)' is declared twice" }
      if let problem = table.problem(capacity: capacity) { return "table '\(table.schema.name)': \(problem)" }
    }
    return nil
  }
}
