// Reads compose files into services.

public import Configuration

extension ComposeFile {
  /// Reads a file.
  ///
  /// - Parameters:
  ///   - variables: values for `${NAME}` and for environment entries without a value; they win over
  ///     a file `.env` beside the compose file.
  ///   - profiles: profiles to activate, besides those of the variable `COMPOSE_PROFILES`.
  /// - Throws: `ConfigurationError` with every problem.
  public init(
    contentsOf file: String, variables: [String: String], profiles: [String] = []
  ) throws(ConfigurationError) {
    try self.init(files: [file], variables: variables, profiles: profiles)
  }

  /// Reads files and merges each over the ones before it, as `-f a.yaml -f b.yaml`.
  ///
  /// - Parameter projectDirectory: the folder of `.env`, to which all relative paths are relative;
  ///   nil: the folder of the first file.
  public init(
    files: [String], variables: [String: String], profiles: [String] = [], projectDirectory: String? = nil
  ) throws(ConfigurationError) {
    guard let first = files.first else {
      throw ConfigurationError(
        ConfigurationProblem(place: "-f", expected: "at least one compose file", found: "none"))
    }
    let directory =
      projectDirectory.map { ComposePath.absolute($0, from: ComposePath.current()) }
      ?? ComposePath.folder(of: first)
    var loader = ComposeLoader()
    let environmentFile = directory + "/.env"
    let variables = loader.variables(
      variables, over: ComposePath.exists(environmentFile) ? [environmentFile] : [])
    let context = ComposeLoader.Context(directory: directory, variables: variables)
    let root = loader.model(files, context)
    try self.init(file: first, root: root, loader: loader, context: context, profiles: profiles)
  }

  /// Reads a text. `file` names it in messages; relative paths are relative to its folder. No
  /// `.env` is read.
  public init(
    text: String, file: String, variables: [String: String], profiles: [String] = []
  ) throws(ConfigurationError) {
    var loader = ComposeLoader()
    let context = ComposeLoader.Context(directory: ComposePath.folder(of: file), variables: variables)
    let source = loader.source(try YAMLDocument(text, file: file).root, file: file, context)
    let path = ComposePath.absolute(file, from: ComposePath.current())
    let root = loader.complete(source, including: [path])
    try self.init(file: file, root: root, loader: loader, context: context, profiles: profiles)
  }

  private init(
    file: String, root: YAMLNode?, loader: ComposeLoader, context: ComposeLoader.Context, profiles: [String]
  ) throws(ConfigurationError) {
    var decoder = ComposeDecoder(
      file: file, directory: context.directory, variables: context.variables, problems: loader.allProblems)
    for name in loader.unset { decoder.addUnsetNote(name) }
    guard let root else { throw ConfigurationError(decoder.problems) }
    let model = decoder.decode(root, profiles: profiles)
    guard decoder.problems.isEmpty else { throw ConfigurationError(decoder.problems) }
    self.init(file: file, services: model.services, volumes: model.volumes, notes: decoder.notes)
    name = model.name
    directory = context.directory
    inactiveServices = model.inactive
  }
}
