// `rookery bench merge`: what one delta costs the parameter server.

internal import Foundations
internal import Numerics

/// The passes that one delta of a Nature network (1.69 M parameters) takes: it is checked and
/// added to a round, and the round is applied to the weights. Compared with one loop in C that
/// reads Δ and θ and writes θ. Both in turn, medians of `rounds`.
func benchMerge(rounds: Int, json: Bool) {
  let count = 1_693_362
  let delta = [Float](repeating: 1e-3, count: count)
  var weights = [Float](repeating: 0, count: count)
  let (sum, plain) = (FlatSum(count: count), FlatSum(count: count))
  _ = delta.withUnsafeBytes { plain.add($0, weight: 1, limit: 1) }
  var (merged, looped): ([Double], [Double]) = ([], [])
  for _ in 0..<max(3, rounds * 20) {
    weights.withUnsafeMutableBufferPointer { weights in
      let started = SystemClock.now()
      sum.clear()
      _ = delta.withUnsafeBytes { sum.add($0, weight: 64, limit: 1e18) }
      sum.addScaled(to: weights, by: 1 / 64)
      let done = SystemClock.now()
      plain.addScaled(to: weights, by: 1)
      merged.append((done - started).seconds)
      looped.append((SystemClock.now() - done).seconds)
    }
  }
  let ratio = zip(looped, merged).map { $0 / $1 }.sorted()[merged.count / 2]
  printResults(
    [
      ("check, add and apply a delta, µs", merged.sorted()[merged.count / 2] * 1e6),
      ("a loop in C over Δ and θ, µs", looped.sorted()[looped.count / 2] * 1e6),
      ("of the loop's speed, %", 100 * ratio),
    ], unit: "", json: json)
}
