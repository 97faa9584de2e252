// `rookery bench selectors`: what each selector costs, and how the cost grows.

internal import Console
internal import ReplayStore

/// Measures every selector with 10⁴, 10⁶ and 10⁷ items, in this process, in one thread.
func benchSelectors(json: Bool) {
  var results: [(name: String, value: Double)] = []
  for result in SelectorBenchmark.run(items: [10_000, 1_000_000, 10_000_000]) {
    let name = "\(result.selector), \(Format.count(Double(result.items))) items"
    results.append(("\(name): updates, keys/s", result.updatesPerSecond))
    results.append(("\(name): draws of 512, batches/s", result.drawsPerSecond))
    results.append(("\(name): rebuilt from records, ms", result.rebuild_s * 1000))
    results.append(("\(name): bytes an item, beside its record and bit", result.bytesPerItem))
  }
  printResults(results, unit: "", json: json)
}
