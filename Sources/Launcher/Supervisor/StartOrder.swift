// The order in which services start.

/// Checks that dependencies allow an order.
enum StartOrder {
  /// A cycle of dependencies with its first service repeated at the end; nil if there is none.
  static func cycle(_ services: [ComposeService]) -> [String]? {
    let dependencies = Dictionary(
      services.map { ($0.name, $0.dependencies.map(\.service)) }, uniquingKeysWith: { first, _ in first })
    var done: Set<String> = []
    func visit(_ name: String, _ path: [String]) -> [String]? {
      if let start = path.firstIndex(of: name) { return Array(path[start...]) + [name] }
      guard done.insert(name).inserted else { return nil }
      for dependency in dependencies[name] ?? [] {
        if let cycle = visit(dependency, path + [name]) { return cycle }
      }
      return nil
    }
    for service in services {
      if let cycle = visit(service.name, []) { return cycle }
    }
    return nil
  }
}
