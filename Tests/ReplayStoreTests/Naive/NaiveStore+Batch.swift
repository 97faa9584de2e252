// What a batch must hold by definition.

import Experience

extension NaiveStore {
  /// The columns of one row of a batch.
  func row(_ item: ItemState, of kind: TableKind, _ schema: StepSchema) -> [[UInt8]] {
    let last = item.first + UInt64(item.span - 1)
    switch kind {
    case .transition(_, let discount):
      var columns = schema.fields.map { stack($0, item.start, item.first) }
      let steps = streams[item.start]!.steps
      var sum = 0.0
      var power = 1.0
      for index in item.first..<last {
        sum += power * Double(steps[index]!.reward)
        power *= Double(discount)
      }
      columns[schema.index(of: "reward")!] = bytes([Float(sum)])
      columns.append(bytes([steps[last]!.flags & 4 != 0 ? 0 : Float(power)]))
      columns.append(stack(schema.fields[schema.index(of: "observation")!], item.start, last))
      return columns
    case .sequence(let length, _, let episodes):
      let indices = item.first...last
      var columns = schema.fields.map { field in
        padded(indices.flatMap { stack(field, item.start, $0) }, length * field.stack * field.byteCount)
      }
      columns.append(padded(indices.map { streams[item.start]!.steps[$0]!.flags }, length))
      return episodes == .pad ? columns + [bytes([Int32(item.span)])] : columns
    case .record:
      return schema.fields.map { stack($0, item.start, item.first) }
        + [[streams[item.start]!.steps[item.first]!.flags]]
    }
  }

  /// A field's last frames up to a step, oldest first; the episode's first frame stands for missing
  /// ones.
  private func stack(_ field: Field, _ key: Key, _ index: UInt64) -> [UInt8] {
    var frames: [[UInt8]] = []
    var index = index
    for _ in 0..<field.stack {
      frames.insert(frame(field, key, index), at: 0)
      if streams[key]!.steps[index]!.flags & 1 == 0 { index &-= 1 }
    }
    return Array(frames.joined())
  }

  /// What `Message` writes.
  private func frame(_ field: Field, _ key: Key, _ index: UInt64) -> [UInt8] {
    switch field.name {
    case "observation": bytes([Float(key.stream), Float(index)])
    case "action": bytes([Int32(truncatingIfNeeded: index)])
    case "reward": bytes([streams[key]!.steps[index]!.reward])
    default: [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: field.byteCount)
    }
  }

  private func padded(_ bytes: [UInt8], _ count: Int) -> [UInt8] {
    bytes + [UInt8](repeating: 0, count: count - bytes.count)
  }

  private func bytes<Value: BitwiseCopyable>(_ values: [Value]) -> [UInt8] {
    values.withUnsafeBytes { Array($0) }
  }
}
