// Experience kept and served.

public import Experience

/// A ring of steps and tables of items over it, for one thread. It does no input or output but that of its own files, reads
/// no clock and draws from the generators it is handed.
///
/// Made from a configuration; memory is had when a schema is adopted. Every refused call leaves it as it was. With
/// `file` storage it goes on where the incarnation before it ended, whenever that was.
public final class ReplayStore {
  public let configuration: ReplayStoreConfiguration
  var ring: StepRing?
  var tables: [Table] = []
  /// The snapshot that is being made.
  var snapshot: Snapshot?
  /// The limits of each table, which may change while it lives.
  public private(set) var limits: [RateLimiterConfiguration]
  /// Some table is consume-once.
  let keepsUnread: Bool
  /// Steps by writer; nil if writers have no quota.
  var usage: WriterUsage?
  /// Items of the message being checked, by table.
  var itemCounts: [Int]

  /// What was in the folder, or the snapshot, when the store was made; nil if there was none.
  public private(set) var recovery: RecoverySummary?
  /// What has been found damaged since the start.
  public internal(set) var damage = StoreDamage()
  /// Chunks that have not been checked yet; nil once all are known.
  var doubtful: DoubtfulChunks?
  /// The snapshot that is being taken up, which has its chunks' checksums.
  var source: StoreFolder?
  /// Chunks from this number on are whole.
  var lostBefore: UInt64 = 0
  /// Handles below were those of writers in the snapshot that was taken up.
  private var handlesBefore = 0

  /// Takes over what a folder holds, if storage is `file` and there is one, or with `memory` what a snapshot does: a copy of it,
  /// after which the snapshot is not needed. If the process before did not end in order, its steps
  /// are checked: about `bytesVerified` of them at once, those of a snapshot all, the rest before
  /// they are served, or by `verify`. `progress` is told steps done and steps in all, every
  /// million. Throws `configuration` with the reason if no such store can work, `storage` if the
  /// folder cannot be used or is another store's, with the difference.
  public init(
    configuration: ReplayStoreConfiguration, takingUp snapshot: String? = nil, bytesVerified: Int = .max,
    progress: (Int, Int) -> Void = { _, _ in }
  ) throws(ReplayStoreError) {
    if let problem = configuration.problem { throw .configuration(problem) }
    self.configuration = configuration
    limits = configuration.tables.map(\.limiter)
    usage = configuration.writerQuota < 1 ? WriterUsage() : nil
    keepsUnread = configuration.tables.contains(where: \.isConsumeOnce)
    itemCounts = Array(repeating: 0, count: configuration.tables.count)
    if case .file(let path) = configuration.storage, let schema = try StoreFolder.schema(in: path) {
      try open(schema, bytesVerified: bytesVerified, progress: progress)
    } else if configuration.storage == .memory, let snapshot {
      let schema = try Self.schema(ofSnapshot: snapshot)
      try open(
        schema, takingUp: try StoreFolder(path: snapshot, configuration: configuration, schema: schema),
        bytesVerified: .max, progress: progress)
    }
  }

  /// The schema that has been adopted.
  public var schema: StepSchema? { ring?.schema }

  /// The schemas of the tables, in the order that messages number them.
  public var tableSchemas: [TableSchema] { configuration.tables.map(\.schema) }

  /// Reserves memory for steps of a schema. Once adopted, a schema stays: the same again does nothing, another throws
  /// `schema` with the difference. Also throws `schema` if the tables cannot be made of it, `storage` if there is no memory.
  public func adopt(schema: StepSchema) throws(ReplayStoreError) {
    if let ring {
      if let mismatch = ring.schema.mismatch(with: schema) { throw .schema(mismatch) }
      return
    }
    try open(schema, bytesVerified: 0) { _, _ in }
  }

  /// Gives up a schema under which no step was ever stored, with its memory and files: another may
  /// be adopted then. False if one was.
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
    _ schema: StepSchema, takingUp snapshot: StoreFolder? = nil, bytesVerified: Int,
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
      countShares(ring)
      let summary = summary(before, source)
      if summary.chunks > 0 || !summary.writers.isEmpty || summary.isDamaged { recovery = summary }
    }
  }

  /// Other limits for a table's limiter from now on, until the store's incarnation ends. Throws `request` for a table that does not exist,
  /// `configuration` with the reason if they could lock both sides; then nothing has changed.
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

  /// The columns of a batch of a table, in the order of `gather`'s buffers. Throws `schemaMissing`, `request`.
  public func batchFields(_ table: Int) throws(ReplayStoreError) -> [Field] {
    guard let ring else { throw .schemaMissing }
    return try self.table(table).configuration.schema.batchFields(of: ring.schema)
  }

  /// A writer's incarnation begins under a handle that no other had: `nextWriter` or above. Throws `schemaMissing`, `storage`.
  public func openWriter(_ writer: Int, id: Identifier, label: String, committed: UInt64)
    throws(ReplayStoreError)
  {
    guard let ring else { throw .schemaMissing }
    guard let folder = ring.folder else { return }
    folder.header.nextWriter = max(folder.header.nextWriter, UInt64(writer) + 1)
    try folder.writers.open(writer, id: id, label: label, committed: committed)
    folder.header.writersUsed = UInt64(folder.writers.used)
  }

  /// The lowest handle that no writer of this store or its earlier lives had.
  public var nextWriter: Int {
    ring?.folder.map { Int(truncatingIfNeeded: $0.header.nextWriter) } ?? handlesBefore
  }

  /// The writer will send nothing below this again.
  public func skip(_ writer: Int, to committed: UInt64) {
    ring?.folder?.writers.commit(writer, committed)
  }

  /// No more comes from this writer; its streams are forgotten with their last steps. O(streams).
  public func closeWriter(_ writer: Int) {
    ring?.streams.close(writer: writer)
    ring?.folder?.writers.leave(writer)
  }

  /// Nobody will ask for this writer's last sequence again.
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
  /// The bytes a full store takes, for a check against the machine before anything is reserved. Throws `configuration` or
  /// `schema` as `init` and `adopt` would, also if the bytes are beyond counting.
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
        "capacity: \(capacity) steps of \(schema.stepByteCount) bytes are beyond any machine")
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
