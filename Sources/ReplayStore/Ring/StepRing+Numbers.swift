// Checks the floats of a message.

internal import CKernels
internal import Experience

/// A column of floats and its limits.
struct FloatColumn {
  let column: Int
  let isDouble: Bool
  /// Values of one step.
  let width: Int
  /// The largest magnitude of a reward with which no sum of `terms` rewards overflows.
  var limit = Float.greatestFiniteMagnitude
  var terms = 1

  /// The float columns of a schema. A transition sums rewards over up to n steps (Σ γᵏ r, in
  /// float64, rounded to float32 once). A reward that could make such a sum overflow is refused on
  /// insert, whichever items follow: an infinite sum would spoil every gradient that it reaches,
  /// and a clamped sum is not a return of the environment.
  static func all(of schema: StepSchema, for tables: [TableConfiguration]) -> [FloatColumn] {
    schema.fields.enumerated().compactMap { index, field in
      guard field.dtype == .float32 || field.dtype == .float64 else { return nil }
      let width = field.byteCount / field.dtype.byteCount
      var column = FloatColumn(column: index, isDouble: field.dtype == .float64, width: width)
      guard field.name == StepSchema.reward, !column.isDouble else { return column }
      for case .transition(let nStep, let discount) in tables.map(\.schema.kind) {
        var (sum, power) = (0.0, 1.0)
        for _ in 0..<nStep {
          sum += power
          power *= Double(discount)
        }
        let largest = Double(Float.greatestFiniteMagnitude) / sum
        let limit = Double(Float(largest)) > largest ? Float(largest).nextDown : Float(largest)
        if limit < column.limit { (column.limit, column.terms) = (limit, nStep) }
      }
      return column
    }
  }
}

extension StepRing {
  /// Describes the first float of a chunk that is NaN, infinite or above its limit; nil if there is
  /// none. One such value would spoil every gradient that it reaches. The check comes before
  /// evictions, because a refused message must not evict steps. It is vectorised, and brings the
  /// columns into the cache for the copy.
  func numberProblem(_ insertion: Insertion, chunk: Int) -> String? {
    for float in floatColumns {
      let column = insertion.column(float.column, ofChunk: chunk)
      let count = column.count / (float.isDouble ? 8 : 4)
      let base = column.baseAddress!
      let first: Int
      if float.isDouble {
        first = rookery_first_not_finite_double(base, count)
      } else if float.terms > 1 {
        first = rookery_first_beyond(base, count, float.limit)
      } else {
        first = rookery_first_not_finite(base, count)
      }
      if first < count { return numberProblem(float, column, at: first) }
    }
    return nil
  }

  @inline(never)
  private func numberProblem(_ float: FloatColumn, _ column: UnsafeRawBufferPointer, at index: Int) -> String
  {
    let value: Double
    if float.isDouble {
      let bits = column.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)
      value = Double(bitPattern: UInt64(littleEndian: bits))
    } else {
      let bits = column.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)
      value = Double(Float(bitPattern: UInt32(littleEndian: bits)))
    }
    let place = "row \(index / float.width): \(schema.fields[float.column].name)"
    if value.isFinite {
      return
        "\(place): expected at most ±\(float.limit), so that the sum of \(float.terms) rewards is finite, "
        + "found \(Float(value))"
    }
    return float.width == 1
      ? "\(place): expected a finite number, found \(value)"
      : "\(place): expected finite numbers, found \(value) (value \(index % float.width) of \(float.width))"
  }
}
