// Copies n-step transitions into a batch.

internal import Experience

/// Writes a transition of n′ steps from t: the fields of step t; `reward` = Σ_{k<n′} γᵏ r_{t+k},
/// summed in float64 and rounded once; `discount` = γ^n′, or 0 if step t + n′ is terminal;
/// `next_observation` = s_{t+n′}. (Sutton & Barto 2018, eq. 7.1.)
struct TransitionGatherer {
  private let ring: StepRing
  private let columns: [GatherColumn]
  private let stacks: [GatherColumn]
  private let rewardOffset: Int
  private let rewards: UnsafeMutableRawPointer
  private let discounts: UnsafeMutableRawPointer
  /// γ⁰ … γⁿ, in float64.
  private let powers: [Double]

  init(_ ring: StepRing, nStep: Int, discount: Float, into buffers: [UnsafeMutableRawBufferPointer]) {
    self.ring = ring
    let schema = ring.schema
    let reward = schema.index(of: StepSchema.reward)!
    let observation = schema.index(of: StepSchema.observation)!
    guard case .row(let offset) = ring.layout.places[reward] else {
      preconditionFailure("a scalar in an arena")
    }
    rewardOffset = offset
    rewards = buffers[reward].baseAddress!
    discounts = buffers[schema.fields.count].baseAddress!
    var all: [GatherColumn] = []
    for index in schema.fields.indices where index != reward {
      all.append(GatherColumn(ring, field: index, to: buffers[index].baseAddress!))
    }
    let next = buffers[schema.fields.count + 1].baseAddress!
    all.append(GatherColumn(ring, field: observation, to: next, isNext: true))
    columns = all.filter { $0.stack == 1 }
    stacks = all.filter { $0.stack > 1 }
    var powers = [1.0]
    for _ in 0..<nStep { powers.append(powers.last! * Double(discount)) }
    self.powers = powers
  }

  /// How many rows ahead cache lines are prefetched.
  private static let ahead = 32

  /// Returns false if a frame before one of the items has been evicted.
  func gather(_ draw: Draw, _ rows: Range<Int>) -> Bool {
    draw.keys.withUnsafeBufferPointer { keys in
      draw.spans.withUnsafeBufferPointer { spans in
        columns.withUnsafeBufferPointer { columns in
          powers.withUnsafeBufferPointer { powers in
            for index in rows.lowerBound..<min(rows.lowerBound + Self.ahead, rows.upperBound) {
              prefetch(keys[index], Int(spans[index]))
            }
            for index in rows {
              if index + Self.ahead < rows.upperBound {
                prefetch(keys[index + Self.ahead], Int(spans[index + Self.ahead]))
              }
              gather(keys[index], Int(spans[index]) - 1, to: index - rows.lowerBound, columns, powers)
            }
            return stacks.isEmpty || gatherStacks(keys, spans, rows)
          }
        }
      }
    }
  }

  @inline(__always)
  private func gather(
    _ key: UInt64, _ steps: Int, to row: Int, _ columns: UnsafeBufferPointer<GatherColumn>,
    _ powers: UnsafeBufferPointer<Double>
  ) {
    var cursor = StepCursor(ring, position: key)
    let first = cursor.slot
    var sum = 0.0
    for step in 0..<steps {
      sum += powers[step] * Double(ring.row(cursor.slot).load(fromByteOffset: rewardOffset, as: Float.self))
      cursor.advance(ring)
    }
    let last = cursor.slot
    let isTerminal = ring.flags(last).contains(.isTerminal)
    rewards.storeBytes(of: Float(sum), toByteOffset: row * 4, as: Float.self)
    discounts.storeBytes(of: isTerminal ? 0 : Float(powers[steps]), toByteOffset: row * 4, as: Float.self)
    for column in columns { column.copy(column.isNext ? last : first, to: row) }
  }

  /// Looks up the slots of an item's frames once for all its stacks.
  private func gatherStacks(
    _ keys: UnsafeBufferPointer<UInt64>, _ spans: UnsafeBufferPointer<UInt16>, _ rows: Range<Int>
  ) -> Bool {
    let history = ring.layout.history
    return withUnsafeTemporaryAllocation(of: Int.self, capacity: history + powers.count) { window in
      stacks.withUnsafeBufferPointer { stacks in
        let window = window.baseAddress!
        var isWhole = true
        for index in rows {
          if !ring.writeHistory(before: keys[index], to: window) { isWhole = false }
          let span = Int(spans[index])
          var cursor = StepCursor(ring, position: keys[index])
          window[history] = cursor.slot
          for step in 1..<span {
            cursor.advance(ring)
            window[history + step] = cursor.slot
          }
          for stack in stacks {
            // A transition lies in one episode, so the frames before its first step serve all its
            // steps.
            let end = history + (stack.isNext ? span : 1)
            stack.copy(
              window + end - stack.stack, count: stack.stack, to: (index - rows.lowerBound) * stack.stack)
          }
        }
        return isWhole
      }
    }
  }

  /// Prefetches an item's first and last row, as if its steps were adjacent; mostly they are.
  @inline(__always)
  private func prefetch(_ key: UInt64, _ span: Int) {
    let slot = ring.slot(key)
    let row = ring.row(slot)
    prefetchLine(ring.references + slot)
    prefetchLine(row)
    // The address may lie beyond the ring or the chunk; a prefetch does no harm there.
    prefetchLine(row + (span - 1) * ring.layout.rowStride)
  }
}
