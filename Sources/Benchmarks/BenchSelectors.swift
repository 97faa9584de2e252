// `rookery bench selectors`: what each way of choosing costs, and how that grows.

internal import Console
internal import ReplayStore

/// Every selector with 10⁴, 10⁶ and 10⁷ items, in process, one thread.
func benchSelectors(json: Bool) {
  var results: [(name: String, value: Double)] = []
  for result in SelectorBenchmark.run(items: [10_000, 1_000_000, 10_000_000]) {
    let name = "\(result.selector), \(Format.count(Double(result.items))) items"
    results.append(("\(name): updates, keys/s", result.updatesPerSecond))
    results.append(("\(name): draws of 512, batches/s", result.drawsPerSecond))
    results.append(("\(name): made anew from records, ms", result.rebuild_s * 1000))
    results.append(("\(name): bytes an item beside record and set", result.bytesPerItem))
  }
  printResults(results, unit: "", json: json)
}
