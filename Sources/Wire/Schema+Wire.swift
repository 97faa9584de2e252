// Schemas as msgpack.

public import Experience

extension FrameWriter {
  /// A field: `[name, dtype, shape, stack]`.
  public func field(_ field: Field) {
    array(4)
    string(field.name)
    unsigned(UInt64(field.dtype.rawValue))
    array(field.shape.count)
    for size in field.shape { unsigned(size) }
    unsigned(field.stack)
  }

  /// The fields of a schema, or nil.
  public func schema(_ schema: StepSchema?) {
    guard let schema else { return null() }
    array(schema.fields.count)
    for field in schema.fields { self.field(field) }
  }

  /// Tables, each `[name, 1, n, discount]`, `[name, 2, length, period, episodes]` or `[name, 3]`.
  public func tables(_ tables: [TableSchema]) {
    array(tables.count)
    for table in tables {
      switch table.kind {
      case .transition(let nStep, let discount):
        array(4)
        string(table.name)
        unsigned(1)
        unsigned(nStep)
        float(discount)
      case .sequence(let length, let period, let episodes):
        array(5)
        string(table.name)
        unsigned(2)
        unsigned(length)
        unsigned(period)
        unsigned(UInt64(episodes.rawValue))
      case .record:
        array(2)
        string(table.name)
        unsigned(3)
      }
    }
  }

  /// Tensors, each `[name, shape]`.
  public func manifest(_ manifest: WeightsManifest) {
    array(manifest.tensors.count)
    for tensor in manifest.tensors {
      array(2)
      string(tensor.name)
      array(tensor.shape.count)
      for size in tensor.shape { unsigned(size) }
    }
  }
}

extension FrameCursor {
  /// A field with a known dtype and a stack of at most 64.
  public mutating func field() throws(WireError) -> Field {
    try elements(4, "a field")
    let name = try string(maxBytes: Limits.nameBytes, "a field's name")
    let start = offset
    let code = try unsigned("the dtype of '\(name)'")
    guard code <= 255, let dtype = DType(rawValue: UInt8(code)) else {
      throw WireError(
        offset: start, expected: "a dtype 1…\(DType.allCases.count) for '\(name)'", found: "\(code)")
    }
    let shape = try shape(of: name)
    let stack = try count(max: 64, "the stack of '\(name)'")
    return Field(name, dtype, shape: shape, stack: stack)
  }

  /// The fields of a usable schema, or nil.
  public mutating func schema() throws(WireError) -> StepSchema? {
    if readNil() { return nil }
    let start = offset
    var fields: [Field] = []
    for _ in 0..<(try array(max: StepSchema.fieldsMax, "the fields")) { fields.append(try field()) }
    let schema = StepSchema(fields: fields)
    if let problem = schema.problem {
      throw WireError(offset: start, expected: "a usable schema", found: problem)
    }
    return schema
  }

  /// At most `Limits.tables` tables; the discount is in 0…1, sizes are at least 1.
  public mutating func tables() throws(WireError) -> [TableSchema] {
    var tables: [TableSchema] = []
    for _ in 0..<(try array(max: Limits.tables, "the tables")) { tables.append(try table()) }
    return tables
  }

  private mutating func table() throws(WireError) -> TableSchema {
    let start = offset
    let elements = try array(max: 5, "a table")
    let name = try string(maxBytes: Limits.nameBytes, "a table's name")
    let kindStart = offset
    let code = try unsigned("the kind of table '\(name)'")
    let expected = [1: 4, 2: 5, 3: 2][code]
    guard let expected else {
      throw WireError(
        offset: kindStart, expected: "table kind 1 (transition), 2 (sequence) or 3 (record)", found: "\(code)"
      )
    }
    guard elements == expected else {
      throw WireError(
        offset: start, expected: "an array of \(expected) elements for table '\(name)' of kind \(code)",
        found: "\(elements)")
    }
    switch code {
    case 1:
      let nStep = try positive(max: Limits.nStep, "the n-step of table '\(name)'")
      let discount = Float(try double(in: 0...1, "the discount of table '\(name)'"))
      return TableSchema(name: name, kind: .transition(nStep: nStep, discount: discount))
    case 2:
      let length = try positive(max: Limits.sequenceLength, "the length of table '\(name)'")
      let period = try positive(max: Limits.sequencePeriod, "the period of table '\(name)'")
      return TableSchema(
        name: name, kind: .sequence(length: length, period: period, episodes: try episodes(of: name)))
    default:
      return TableSchema(name: name, kind: .record)
    }
  }

  private mutating func positive(max: Int, _ what: String) throws(WireError) -> Int {
    let start = offset
    let value = try count(max: max, what)
    guard value >= 1 else {
      throw WireError(offset: start, expected: "at least 1 for \(what)", found: "0")
    }
    return value
  }

  private mutating func episodes(of name: String) throws(WireError) -> SequenceEpisodes {
    let start = offset
    let code = try unsigned("the episodes of table '\(name)'")
    guard code <= 255, let episodes = SequenceEpisodes(rawValue: UInt8(code)) else {
      throw WireError(
        offset: start, expected: "episodes 1 (cross) or 2 (pad) for table '\(name)'", found: "\(code)")
    }
    return episodes
  }

  /// At most `Limits.tensors` tensors whose values fit into one frame.
  public mutating func manifest() throws(WireError) -> WeightsManifest {
    var tensors: [TensorSpec] = []
    var total = 0
    for _ in 0..<(try array(max: Limits.tensors, "the tensors")) {
      try elements(2, "a tensor")
      let start = offset
      let name = try string(maxBytes: Limits.textBytes, "a tensor's name")
      let tensor = TensorSpec(name: name, shape: try shape(of: name))
      total += tensor.elementCount
      guard total <= Limits.frameBytes / 4 else {
        throw WireError(offset: start, expected: "at most \(Limits.frameBytes / 4) elements", found: "more")
      }
      tensors.append(tensor)
    }
    return WeightsManifest(tensors: tensors)
  }

  /// Sizes ≥ 1 whose product is at most 2³⁰.
  private mutating func shape(of name: String) throws(WireError) -> [Int] {
    let start = offset
    var shape: [Int] = []
    var product = 1
    for _ in 0..<(try array(max: Limits.dimensions, "the shape of '\(name)'")) {
      let size = try count(max: Limits.frameBytes, "a size of '\(name)'")
      product = product.multipliedReportingOverflow(by: size).partialValue
      guard size > 0, product <= Limits.frameBytes else {
        throw WireError(
          offset: start, expected: "sizes ≥ 1 below 1 GiB for '\(name)'", found: "\(shape + [size])")
      }
      shape.append(size)
    }
    return shape
  }
}
