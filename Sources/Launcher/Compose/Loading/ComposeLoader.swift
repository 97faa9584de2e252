// Reads compose files into one tree.

import Configuration

/// Reads the files of a model.
///
/// For each file in turn, in Docker Compose's order: variables are replaced, short forms become
/// long, `extends` and `include` are resolved, and the result is merged over the files before it.
struct ComposeLoader {
  /// The folder to which a model's relative paths are relative, and its variables.
  struct Context {
    var directory: String
    var variables: [String: String]
  }

  /// One file with its services in long form.
  struct Source {
    var file: String
    var context: Context
    var root: YAMLNode
    let services: [String: YAMLNode]

    init(file: String, context: Context, root: YAMLNode) {
      self.file = file
      self.context = context
      self.root = root
      services = Dictionary(
        (root["services"]?.mapping ?? []).map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    }
  }

  /// A service merged over the services it extends, and the length of that chain; no node if
  /// something in it was refused.
  struct Extended {
    var node: YAMLNode?
    var depth = 0
  }

  var problems: [ConfigurationProblem] = []
  /// Unset variables that are used without a default.
  private(set) var unset: [String] = []
  var merge = ComposeMerge()
  /// Files that `extends` named, by path, so that each is read once.
  var extendedFiles: [String: Source] = [:]
  /// Services by file and name, so that each is resolved, or refused, once.
  var extended: [String: Extended] = [:]
  private var filesRead = 0

  /// Most files of a model: a chain of files that each include the next one twice grows
  /// exponentially.
  private static let filesMax = 1000

  /// One model of several files, each merged over the ones before; nil if one cannot be read.
  ///
  /// - Parameter including: absolute paths of the files that led here, to detect cycles.
  mutating func model(_ files: [String], _ context: Context, including: [String] = []) -> YAMLNode? {
    var merged: YAMLNode?
    for file in files {
      guard let source = read(file, context) else { return nil }
      let path = ComposePath.absolute(file, from: ComposePath.current())
      let root = complete(source, including: including + [path])
      merged = merged.map { merge.files($0, root) } ?? root
    }
    return merged
  }

  /// A file with everything that it extends and includes.
  mutating func complete(_ source: Source, including: [String]) -> YAMLNode {
    include(into: extend(source), context: source.context, including: including)
  }

  /// All problems, those of merging last.
  var allProblems: [ConfigurationProblem] { problems + merge.problems }

  /// A file with variables replaced and in long form; nil if it cannot be read.
  mutating func read(_ file: String, _ context: Context) -> Source? {
    filesRead += 1
    guard filesRead <= Self.filesMax else {
      if filesRead == Self.filesMax + 1 {
        problems.append(
          ConfigurationProblem(place: file, expected: "at most \(Self.filesMax) files in all", found: "more"))
      }
      return nil
    }
    do throws(ConfigurationError) {
      return source(try YAMLDocument(contentsOf: file).root, file: file, context)
    } catch {
      problems += error.problems
      return nil
    }
  }

  mutating func source(_ root: YAMLNode, file: String, _ context: Context) -> Source {
    var interpolation = ComposeInterpolation(variables: context.variables)
    let expanded = interpolation.apply(to: root)
    var canonical = ComposeCanonical(directory: context.directory, variables: context.variables)
    let long = canonical.apply(to: expanded)
    problems += interpolation.problems + canonical.problems
    recordUnset(interpolation.unset)
    return Source(file: file, context: context, root: long)
  }

  /// The variables of files, overridden by `variables`.
  mutating func variables(
    _ variables: [String: String], over files: [String]
  ) -> [String: String] {
    var fromFiles: [String: String] = [:]
    for file in files {
      let read = ComposeEnvironmentFile(
        contentsOf: file, outside: fromFiles.merging(variables) { _, outer in outer })
      problems += read.problems
      recordUnset(read.unset)
      fromFiles.merge(read.values) { _, later in later }
    }
    return fromFiles.merging(variables) { _, outer in outer }
  }

  private mutating func recordUnset(_ names: [String]) {
    for name in names where !unset.contains(name) { unset.append(name) }
  }

  mutating func refuse(
    _ node: YAMLNode, _ key: String, expected: String, found: String? = nil, advice: String = ""
  ) {
    problems.append(
      ConfigurationProblem(
        place: node.place.description, key: key, expected: expected, found: found ?? node.found,
        advice: advice))
  }
}
