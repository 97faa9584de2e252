// The replay of one process: steps in a ring, and tables of items over them.

public import Experience

/// A ring of steps, and tables of items over it. Use it from one thread. It reads and writes only
/// its own files, reads no clock, and draws from generators that the caller passes in.
///
/// Memory is allocated when a schema is adopted. A call that throws leaves the store unchanged.
/// With `file` storage a store resumes from the last commit of the process before, however that
/// process ended.
public final class ReplayStore {
  /// The configuration that the store was made with; `limits` has the current limits.
  public let configuration: ReplayStoreConfiguration
  var ring: StepRing?
  var tables: [Table] = []
  /// The snapshot that is being made; nil while there is none.
  var snapshot: Snapshot?
  /// The current limits of each table; `change(limits:table:)` changes them.
  public private(set) var limits: [RateLimiterConfiguration]
  /// Whether any table is a queue.
  let keepsUnread: Bool
  /// Steps in the ring by writer; nil if writers have no quota.
  var usage: WriterUsage?
  /// Of what was inserted since the start, restored messages included; nil if it is not kept.
  public internal(set) var digest: ExperienceDigest?
  /// Items of the message that is being checked, by table.
  var itemCounts: [Int]

  /// What the store resumed from, a folder or a snapshot; nil if it started empty.
  public private(set) var recovery: RecoverySummary?
  /// Damage found since the start.
  public internal(set) var damage = StoreDamage()
  /// Chunks that are still to be verified; nil once all are.
  var unverified: UnverifiedChunks?
  /// The snapshot that the store is resuming from; it holds the chunks' checksums.
  var source: StoreFolder?
  /// No chunk with this number or a higher one was found damaged.
  var lostBefore: UInt64 = 0
  /// Lower handles belonged to writers of the snapshot that the store resumed from.
  private var handlesBefore = 0

  /// Resumes from its folder if storage is `file` and the folder holds a store. With `memory`
  /// storage it resumes from `snapshot`: it copies it, and does not need it afterwards.
  ///
  /// After an unclean end the steps are verified: about `bytesVerified` bytes of them here, the
  /// rest before they are served or by `verify`. All steps of a snapshot are verified here.
  /// `progress` receives the steps done and the total, about every million steps.
  ///
  /// Throws `configuration` with the reason if no store can be made of it; `storage` if the folder
  /// cannot be used or belongs to another store, with the difference.
  public init(
    configuration: ReplayStoreConfiguration, resuming snapshot: String? = nil, bytesVerified: Int = .max,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws(ReplayStoreError) {
    if let problem = configuration.problem { throw .configuration(problem) }
    self.configuration = configuration
    limits = configuration.tables.map(\.limiter)
    usage = configuration.writerQuota < 1 ? WriterUsage() : nil
    digest = configuration.keepsDigest ? ExperienceDigest() : nil
    keepsUnread = configuration.tables.contains(where: \.isQueue)
    itemCounts = Array(repeating: 0, count: configuration.tables.count)
    if case .file(let path) = configuration.storage, let schema = try StoreFolder.schema(in: path) {
      try open(schema, bytesVerified: bytesVerified, progress: progress)
    } else if configuration.storage == .memory, let snapshot {
      let schema = try Self.schema(ofSnapshot: snapshot)
      try open(
        schema, resuming: try StoreFolder(path: snapshot, configuration: configuration, schema: schema),
        bytesVerified: .max, progress: progress)
    }
  }

  /// The adopted schema; nil before `adopt`.
  public var schema: StepSchema? { ring?.schema }

  /// The schemas of the tables, in the order of their numbers in messages.
  public var tableSchemas: [TableSchema] { configuration.tables.map(\.schema) }

  /// Allocates memory for steps of a schema. An adopted schema stays: adopting the same again does
  /// nothing, another throws `schema` with the difference. Also throws `schema` if a table does not
  /// fit the schema, and `storage` if there is no memory.
  public func adopt(schema: StepSchema) throws(ReplayStoreError) {
    if let ring {
      if let mismatch = ring.schema.mismatch(with: schema) { throw .schema(mismatch) }
      return
    }
    try open(schema, bytesVerified: 0) { _, _ in }
  }

  /// Drops a schema under which no step was stored, with its memory and files, so that another can
  /// be adopted. Returns false if a step was stored.
  public func abandonSchema() -> Bool {
    guard let ring else { return true }
    guard ring.head == 0 else { return false }
    let path = ring.folder?.path
    self.ring = nil
    tables = []
    if let path { StoreFolder.remove(in: path) }
    return true
  }

  private func open(
    _ schema: StepSchema, resuming snapshot: StoreFolder? = nil, bytesVerified: Int,
    progress: (Int, Int) -> Void
  ) throws(ReplayStoreError) {
    _ = try Self.byteCount(configuration: configuration, schema: schema)
    var folder: StoreFolder?
    if case .file(let path) = configuration.storage {
      folder = try StoreFolder(path: path, configuration: configuration, schema: schema)
    }
    let ring = try StepRing(schema: schema, configuration: configuration, folder: folder)
    var tables: [Table] = []
    for (number, table) in configuration.tables.enumerated() {
      tables.append(
        try Table(
          table, number: number, capacity: configuration.capacity, seed: configuration.seed, folder: folder))
    }
    for (table, limits) in zip(tables, limits) { table.limiter.change(to: limits) }
    if let snapshot {
      try copy(snapshot, to: ring, tables)
      handlesBefore = Int(truncatingIfNeeded: snapshot.header.nextWriter)
    }
    self.ring = ring
    self.tables = tables
    if let source = folder ?? snapshot {
      let before = try recover(source, ring, progress: progress)
      if source.isInDoubt || snapshot != nil {
        self.source = snapshot
        verifyRecovered(ring, bytes: bytesVerified)
        self.source = nil
      }
      countUsage(ring)
      let summary = summary(before, source)
      if summary.chunks > 0 || !summary.writers.isEmpty || summary.isDamaged { recovery = summary }
    }
  }

  /// Changes a table's limits until this process ends. Throws `request` if there is no such table,
  /// and `configuration` with the reason if the limits could block inserts and samples at once;
  /// then nothing has changed.
  public func change(limits new: RateLimiterConfiguration, table index: Int) throws(ReplayStoreError) {
    guard limits.indices.contains(index) else {
      throw .request("table: expected 0 to \(limits.count - 1), found \(index)")
    }
    var table = configuration.tables[index]
    table.limiter = new
    if let problem = table.problem(capacity: configuration.capacity) {
      throw .configuration("table '\(table.schema.name)': \(problem)")
    }
    limits[index] = new
    if ring != nil { tables[index].limiter.change(to: new) }
  }

  /// The columns of a table's batches, in the order of `gather`'s buffers. Throws `schemaMissing`
  /// or `request`.
  public func batchFields(_ table: Int) throws(ReplayStoreError) -> [Field] {
    guard let ring else { throw .schemaMissing }
    return try self.table(table).configuration.schema.batchFields(of: ring.schema)
  }

  /// Registers a writer under a handle that no other writer has had: `nextWriter` or above. Throws
  /// `schemaMissing` or `storage`.
  public func openWriter(_ writer: Int, id: Identifier, label: String, committed: UInt64)
    throws(ReplayStoreError)
  {
    guard let ring else { throw .schemaMissing }
    guard let folder = ring.folder else { return }
    folder.header.nextWriter = max(folder.header.nextWriter, UInt64(writer) + 1)
    try folder.writers.open(writer, id: id, label: label, committed: committed)
    folder.header.writersUsed = UInt64(folder.writers.used)
  }

  /// The lowest handle that no writer of this store has had, earlier processes included.
  public var nextWriter: Int {
    ring?.folder.map { Int(truncatingIfNeeded: $0.header.nextWriter) } ?? handlesBefore
  }

  /// Records that the writer will not send sequences below `committed` again.
  public func skip(_ writer: Int, to committed: UInt64) {
    ring?.folder?.writers.commit(writer, committed)
  }

  /// Closes a writer that sends no more. Its streams are forgotten once their last steps are
  /// evicted. O(streams).
  public func closeWriter(_ writer: Int) {
    ring?.streams.close(writer: writer)
    ring?.folder?.writers.leave(writer)
  }

  /// Forgets a writer's last committed sequence, once the writer cannot ask for it any more.
  public func forgetWriter(_ writer: Int) {
    ring?.folder?.writers.forget(writer)
  }

  func table(_ index: Int) throws(ReplayStoreError) -> Table {
    guard ring != nil else { throw .schemaMissing }
    guard tables.indices.contains(index) else {
      throw .request("table: expected 0 to \(configuration.tables.count - 1), found \(index)")
    }
    return tables[index]
  }
}

extension ReplayStore {
  /// The bytes of a full store, to be checked against the machine before anything is allocated.
  /// Throws `configuration` or `schema` as `init` and `adopt` would, and `configuration` if the
  /// size does not fit in 60 bits.
  public static func byteCount(configuration: ReplayStoreConfiguration, schema: StepSchema)
    throws(ReplayStoreError) -> StoreByteCount
  {
    if let problem = configuration.problem { throw .configuration(problem) }
    if let problem = problem(of: schema, for: configuration) { throw .schema(problem) }
    let capacity = configuration.capacity
    // A step is below 2³⁷ bytes (64 fields of 1 GiB), so only the product can overflow.
    let (steps, overflow) = capacity.multipliedReportingOverflow(by: StepLayout(schema).stepByteCount)
    if overflow || steps > 1 << 60 {
      throw .configuration(
        "capacity: \(capacity) steps of \(schema.stepByteCount) bytes are more than any machine holds")
    }
    return StoreByteCount(
      capacity: capacity, steps: steps,
      directory: capacity * 4 + capacity / 32 * MemoryLayout<ChunkEntry>.stride,
      tables: configuration.tables.reduce(0) { $0 + Table.byteCount($1, capacity: capacity) })
  }

  private static func problem(of schema: StepSchema, for configuration: ReplayStoreConfiguration) -> String? {
    if let problem = schema.problem { return problem }
    for table in configuration.tables {
      if let problem = table.schema.problem(of: schema) { return "table '\(table.schema.name)': \(problem)" }
    }
    return nil
  }
}
