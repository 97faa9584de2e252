// INSPECTION in bytes.

extension Inspection {
  public func encode(into writer: FrameWriter) {
    writer.begin(.inspection)
    writer.identifier(incarnation)
    writer.array(5)
    for value in [ring.capacity, ring.steps, ring.head, ring.chunks, ring.streams] { writer.unsigned(value) }
    writer.array(2)
    writer.string(storage, maxBytes: Limits.textBytes)
    if let storageProblem { writer.string(storageProblem, maxBytes: Limits.textBytes) } else { writer.null() }
    writer.array(tables.count)
    for table in tables { table.encode(into: writer) }
    writer.unsigned(writersTotal)
    writer.array(writers.count)
    for entry in writers {
      writer.array(5)
      writer.string(entry.label, maxBytes: Limits.labelBytes)
      writer.unsigned(entry.number)
      writer.unsigned(entry.committed)
      writer.unsigned(entry.waiting)
      writer.double(entry.age_s)
    }
    if let item { item.encode(into: writer) } else { writer.null() }
  }

  public init(from cursor: inout FrameCursor) throws(WireError) {
    incarnation = try cursor.identifier("the incarnation")
    try cursor.elements(5, "the ring")
    ring = Ring(
      capacity: try cursor.number("the capacity"), steps: try cursor.number("the steps"),
      head: try cursor.number("the head"), chunks: try cursor.number("the chunks"),
      streams: try cursor.number("the streams"))
    try cursor.elements(2, "the storage")
    storage = try cursor.string(maxBytes: Limits.textBytes, "the storage")
    storageProblem =
      try cursor.readNil() ? nil : cursor.string(maxBytes: Limits.textBytes, "the storage's problem")
    tables = []
    for _ in 0..<(try cursor.array(max: Limits.tables, "the tables")) {
      tables.append(try Table(fieldsFrom: &cursor))
    }
    writersTotal = try cursor.number("the number of writers")
    writers = []
    for _ in 0..<(try cursor.array(max: Limits.writersShown, "the writers")) {
      try cursor.elements(5, "a writer")
      writers.append(
        Writer(
          label: try cursor.string(maxBytes: Limits.labelBytes, "a writer's label"),
          number: try cursor.number("a writer's number"), committed: try cursor.number("a writer's sequence"),
          waiting: try cursor.number("a writer's waiting messages"),
          age_s: try cursor.double("a writer's silence")))
    }
    item = try cursor.readNil() ? nil : InspectedItem(fieldsFrom: &cursor)
    try cursor.close()
  }
}

extension Inspection.Table {
  func encode(into writer: FrameWriter) {
    writer.array(9)
    writer.string(name, maxBytes: Limits.nameBytes)
    writer.string(sampler, maxBytes: Limits.labelBytes)
    writer.array(4)
    writer.double(samplesPerInsert)
    writer.unsigned(minSize)
    writer.double(errorMin)
    writer.double(errorMax)
    writer.map(numbers.count)
    for (name, value) in numbers.sorted(by: { $0.key < $1.key }) {
      writer.string(name, maxBytes: Limits.nameBytes)
      writer.double(value)
    }
    for blocked in [insertsBlocked, samplesBlocked] {
      guard let blocked else {
        writer.null()
        continue
      }
      writer.array(2)
      writer.string(blocked.reason, maxBytes: Limits.textBytes)
      writer.double(blocked.seconds)
    }
    writer.array(histograms.count)
    for histogram in histograms {
      writer.array(3)
      writer.string(histogram.name, maxBytes: Limits.nameBytes)
      writer.double(histogram.unit)
      writer.array(histogram.counts.count)
      for count in histogram.counts { writer.unsigned(count) }
    }
    writer.array(top.count)
    for entry in top {
      writer.array(2)
      writer.unsigned(entry.key)
      writer.float(entry.priority)
    }
    if let staleness { staleness.encode(into: writer) } else { writer.null() }
  }

  init(fieldsFrom cursor: inout FrameCursor) throws(WireError) {
    try cursor.elements(9, "a table")
    name = try cursor.string(maxBytes: Limits.nameBytes, "a table's name")
    sampler = try cursor.string(maxBytes: Limits.labelBytes, "a table's sampler")
    try cursor.elements(4, "a table's limits")
    samplesPerInsert = try cursor.double("the samples per insert")
    minSize = try cursor.number("the least size")
    errorMin = try cursor.double("the least error")
    errorMax = try cursor.double("the largest error")
    numbers = [:]
    for _ in 0..<(try cursor.map(max: Limits.counters, "a table's numbers")) {
      let name = try cursor.string(maxBytes: Limits.nameBytes, "a number's name")
      numbers[name] = try cursor.double("a table's number")
    }
    insertsBlocked = try Inspection.Blocked(orNullFrom: &cursor)
    samplesBlocked = try Inspection.Blocked(orNullFrom: &cursor)
    histograms = []
    for _ in 0..<(try cursor.array(max: Limits.histograms, "the histograms")) {
      try cursor.elements(3, "a histogram")
      let name = try cursor.string(maxBytes: Limits.nameBytes, "a histogram's name")
      let unit = try cursor.double("a histogram's unit")
      var counts: [UInt64] = []
      for _ in 0..<(try cursor.array(max: 65, "a histogram's counts")) {
        counts.append(try cursor.number("a histogram's count"))
      }
      histograms.append(Inspection.Histogram(name: name, unit: unit, counts: counts))
    }
    top = []
    for _ in 0..<(try cursor.array(max: Limits.topItems, "the largest priorities")) {
      try cursor.elements(2, "a priority")
      let key = try cursor.number("a key")
      top.append(Inspection.Ranked(key: key, priority: Float(try cursor.double("a priority"))))
    }
    staleness = try cursor.readNil() ? nil : Inspection.Staleness(fieldsFrom: &cursor)
  }
}

extension Inspection.Staleness {
  func encode(into writer: FrameWriter) {
    writer.array(7)
    writer.unsigned(max)
    writer.string(keeping, maxBytes: Limits.nameBytes)
    if let trained { trained.encode(into: writer) } else { writer.null() }
    writer.unsigned(waitingTotal)
    writer.double(waiting_s)
    writer.array(waiting.count)
    for label in waiting { writer.string(label, maxBytes: Limits.labelBytes) }
    writer.array(outdated.count)
    for entry in outdated {
      writer.array(2)
      writer.string(entry.label, maxBytes: Limits.labelBytes)
      writer.unsigned(entry.items)
    }
  }

  init(fieldsFrom cursor: inout FrameCursor) throws(WireError) {
    try cursor.elements(7, "a bound on staleness")
    max = try cursor.number("the bound on staleness")
    keeping = try cursor.string(maxBytes: Limits.nameBytes, "what keeps the bound")
    trained = try cursor.readNil() ? nil : TrainedStaleness(fieldsFrom: &cursor)
    waitingTotal = try cursor.number("the actors that wait")
    waiting_s = try cursor.double("the longest wait")
    waiting = []
    for _ in 0..<(try cursor.array(max: Limits.writersShown, "the actors that wait")) {
      waiting.append(try cursor.string(maxBytes: Limits.labelBytes, "the label of an actor that waits"))
    }
    outdated = []
    for _ in 0..<(try cursor.array(max: Limits.writersShown, "the items that were too old")) {
      try cursor.elements(2, "an actor's items that were too old")
      outdated.append(
        Inspection.Outdated(
          label: try cursor.string(maxBytes: Limits.labelBytes, "an actor's label"),
          items: try cursor.number("its items that were too old")))
    }
  }
}

extension Inspection.Blocked {
  init?(orNullFrom cursor: inout FrameCursor) throws(WireError) {
    if cursor.readNil() { return nil }
    try cursor.elements(2, "a blocked side")
    reason = try cursor.string(maxBytes: Limits.textBytes, "the reason of a blocked side")
    seconds = try cursor.double("the seconds of a blocked side")
  }
}
