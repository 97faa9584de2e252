// Curves over a common axis, drawn as SVG.

/// A plot of curves with the ranges around them, a legend, and a dashed line at a threshold.
public struct LinePlot: Sendable {
  /// Above the plot.
  public var title: String
  /// Below the horizontal axis.
  public var xLabel: String
  /// Beside the vertical axis.
  public var yLabel: String
  /// In the order of the legend; the first seven differ in colour.
  public var series: [Series]
  /// A value on the vertical axis; nil for no line.
  public var threshold: Double?

  public init(title: String, xLabel: String, yLabel: String, series: [Series], threshold: Double? = nil) {
    self.title = title
    self.xLabel = xLabel
    self.yLabel = yLabel
    self.series = series
    self.threshold = threshold.flatMap { abs($0) < 1e300 ? $0 : nil }
  }

  /// Colours that people with any colour vision can tell apart (Okabe and Ito 2008). Their yellow
  /// is left out: it is too pale for a line on white. After seven curves the lines are dashed.
  private static let palette = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#444444"]
  private static let dashes = ["", "7 4", "2 3", "9 3 2 3"]

  private static let size = (width: 960.0, height: 540.0)
  private static let font = "'DejaVu Sans', 'Segoe UI', Helvetica, Arial, sans-serif"

  private struct Frame {
    var left: Double
    var top: Double
    var right: Double
    var bottom: Double
    var x: Axis
    var y: Axis

    func project(_ point: (x: Double, y: Double)) -> (x: Double, y: Double) {
      (left + x.fraction(point.x) * (right - left), bottom - y.fraction(point.y) * (bottom - top))
    }
  }

  /// The picture: a whole SVG document of 960 × 540.
  public func svg() -> String {
    let frame = frame()
    var svg = SVG()
    svg.open(
      "svg",
      [
        ("xmlns", "http://www.w3.org/2000/svg"), ("viewBox", "0 0 960 540"), ("width", "960"),
        ("height", "540"),
        ("font-family", Self.font), ("font-size", "13"), ("role", "img"),
      ])
    svg.element("title", [], text: title)
    svg.element("rect", [("width", "100%"), ("height", "100%"), ("fill", "#ffffff")])
    svg.element(
      "text", [("x", SVG.number(frame.left)), ("y", "30"), ("font-size", "17"), ("fill", "#222222")],
      text: title)
    drawAxes(frame, &svg)
    for (index, curve) in series.enumerated() { drawRange(curve, colour(index), frame, &svg) }
    drawThreshold(frame, &svg)
    for (index, curve) in series.enumerated() { drawLine(curve, index, frame, &svg) }
    drawLegend(frame, &svg)
    svg.close("svg")
    return svg.body
  }

  private func colour(_ index: Int) -> String { Self.palette[index % Self.palette.count] }
  private func dash(_ index: Int) -> String { Self.dashes[index / Self.palette.count % Self.dashes.count] }

  private func frame() -> Frame {
    let points = series.flatMap(\.points)
    let values = points.flatMap { [$0.low, $0.high] } + (threshold.map { [$0] } ?? [])
    let starts = points.map(\.x).min() ?? 0
    // Time and counters start at 0, even if the first point came later.
    let x = Axis(from: min(0, starts), to: points.map(\.x).max() ?? 1, about: 8)
    let (least, greatest) = (values.min() ?? 0, values.max() ?? 1)
    // A curve not far from 0 is shown with 0, so that heights can be compared.
    let y = Axis(from: least > 0 && least < greatest / 2 ? 0 : least, to: greatest)
    let longest = series.map { Double(Self.shortened($0.name).count) }.max() ?? 0
    let widest = y.labels.map { Double($0.count) }.max() ?? 0
    return Frame(
      left: 44 + widest * 8, top: 52, right: Self.size.width - 62 - longest * 7.6,
      bottom: Self.size.height - 58, x: x, y: y)
  }

  /// A name longer than the legend keeps its end, which tells runs apart.
  private static func shortened(_ name: String) -> String {
    name.count > 28 ? "…" + name.suffix(27) : name
  }

  private func drawAxes(_ frame: Frame, _ svg: inout SVG) {
    let grid = [("stroke", "#e3e3e3"), ("stroke-width", "1")]
    for (tick, label) in zip(frame.y.ticks, frame.y.labels) {
      let y = frame.project((frame.x.low, tick)).y
      svg.element("line", line(frame.left, y, frame.right, y) + grid)
      svg.element("text", text(frame.left - 8, y + 4.5, "end"), text: label)
    }
    for (tick, label) in zip(frame.x.ticks, frame.x.labels) {
      let x = frame.project((tick, frame.y.low)).x
      svg.element(
        "line", line(x, frame.bottom, x, frame.bottom + 5) + [("stroke", "#666666"), ("stroke-width", "1")])
      svg.element("text", text(x, frame.bottom + 21, "middle"), text: label)
    }
    svg.element(
      "line",
      line(frame.left, frame.bottom, frame.right, frame.bottom) + [
        ("stroke", "#666666"), ("stroke-width", "1"),
      ])
    svg.element("text", text((frame.left + frame.right) / 2, Self.size.height - 14, "middle"), text: xLabel)
    let middle = (frame.top + frame.bottom) / 2
    svg.element(
      "text",
      text(18, middle, "middle") + [("transform", "rotate(-90 18 \(SVG.number(middle)))")], text: yLabel)
  }

  private func drawThreshold(_ frame: Frame, _ svg: inout SVG) {
    guard let threshold else { return }
    let y = frame.project((frame.x.low, threshold)).y
    svg.element(
      "line",
      line(frame.left, y, frame.right, y)
        + [
          ("class", "threshold"), ("stroke", "#222222"), ("stroke-width", "1.2"), ("stroke-dasharray", "5 4"),
        ])
    let digits = threshold == threshold.rounded() ? 0 : 1
    svg.element(
      "text", text(frame.left + 6, y - 6, "start"),
      text: "threshold \(Axis.decimal(threshold, digits: digits))")
  }

  private func drawRange(_ curve: Series, _ colour: String, _ frame: Frame, _ svg: inout SVG) {
    guard curve.points.count > 1, curve.points.contains(where: { $0.low < $0.high }) else { return }
    let edge = curve.points.map { ($0.x, $0.high) } + curve.points.reversed().map { ($0.x, $0.low) }
    svg.element(
      "polygon",
      [("class", "range"), ("points", places(edge, frame)), ("fill", colour), ("fill-opacity", "0.14")])
  }

  private func drawLine(_ curve: Series, _ index: Int, _ frame: Frame, _ svg: inout SVG) {
    if curve.points.count == 1 {
      let place = frame.project((curve.points[0].x, curve.points[0].y))
      svg.element(
        "circle",
        [("cx", SVG.number(place.x)), ("cy", SVG.number(place.y)), ("r", "4"), ("fill", colour(index))])
      return
    }
    svg.element(
      "polyline",
      [
        ("class", "curve"), ("points", places(curve.points.map { ($0.x, $0.y) }, frame)), ("fill", "none"),
        ("stroke-linejoin", "round"),
      ] + stroke(index))
  }

  private func drawLegend(_ frame: Frame, _ svg: inout SVG) {
    let left = frame.right + 14
    for (index, curve) in series.enumerated() {
      let y = frame.top + 8 + Double(index) * 20
      svg.element("line", line(left, y, left + 22, y) + stroke(index))
      svg.element("text", text(left + 29, y + 4.5, "start"), text: Self.shortened(curve.name))
    }
  }

  private func stroke(_ index: Int) -> [(String, String)] {
    let dash = dash(index)
    return [("stroke", colour(index)), ("stroke-width", "2")]
      + (dash.isEmpty ? [] : [("stroke-dasharray", dash)])
  }

  private func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double) -> [(String, String)] {
    [("x1", SVG.number(x1)), ("y1", SVG.number(y1)), ("x2", SVG.number(x2)), ("y2", SVG.number(y2))]
  }

  private func text(_ x: Double, _ y: Double, _ anchor: String) -> [(String, String)] {
    [("x", SVG.number(x)), ("y", SVG.number(y)), ("text-anchor", anchor), ("fill", "#444444")]
  }

  private func places(_ points: [(Double, Double)], _ frame: Frame) -> String {
    points.map { point in
      let place = frame.project(point)
      return "\(SVG.number(place.x)),\(SVG.number(place.y))"
    }.joined(separator: " ")
  }
}
