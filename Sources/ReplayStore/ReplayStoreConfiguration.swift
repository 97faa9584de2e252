// What a store is made with.

internal import Experience

/// The size of a store and its tables.
public struct ReplayStoreConfiguration: Hashable, Sendable {
  /// Steps the ring holds, 1 to 2³¹; any number.
  public var capacity: Int
  public var tables: [TableConfiguration]
  /// The most streams that are remembered at once; 1000 writers of 64 environments each by default.
  public var streamsMax: Int
  public var storage: StorageKind
  /// Bytes of steps that memory is sure to hold, with `file` storage. Larger rings are written past their mappings, and their
  /// draws should be warmed.
  public var residentMax = Int.max
  /// The part of the ring that one writer may own where others would lose theirs to it; 1 for no quota. The store counts,
  /// whoever drives it decides.
  public var writerQuota: Double
  /// Of the generators from which removers draw.
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

  /// Why no store can be made of this, or nil if one can.
  public var problem: String? {
    if capacity < 1 || capacity > Self.capacityLimit {
      return "capacity: expected 1 to \(Self.capacityLimit) steps, found \(capacity)"
    }
    if streamsMax < 1 || streamsMax > 1 << 30 {
      return "streamsMax: expected 1 to \(1 << 30), found \(streamsMax)"
    }
    if !(writerQuota > 0 && writerQuota <= 1) {
      return "writerQuota: expected above 0 and at most 1, found \(writerQuota)"
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
