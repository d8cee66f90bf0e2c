//! The data of a panel.

use super::diagram::Diagram;
use super::images::ImageStack;
use super::mesh::Mesh;

/// One series of a panel.
#[derive(Debug, Clone)]
pub(super) struct Layer {
    pub name: String,
    /// Which colour of the palette.
    pub color: usize,
    pub kind: Kind,
}

/// The data of a series.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    Line { x: Vec<f64>, y: Vec<f64>, dashed: bool },
    Band { x: Vec<f64>, mean: Vec<f64>, spread: Vec<f64> },
    Scatter { x: Vec<f64>, y: Vec<f64> },
    Bars { values: Vec<f64> },
    Histogram { values: Vec<f64>, bins: usize },
    Heatmap { rows: Vec<Vec<f64>> },
    Field { mesh: Mesh, values: Vec<f64> },
    Regions { mesh: Mesh, classes: Vec<usize> },
    Contours { mesh: Mesh, values: Vec<f64>, levels: Vec<f64> },
    Images(ImageStack),
    Diagram(Diagram),
}

/// What a panel's axes are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Family {
    Numeric,
    Bars,
    Heatmap,
    Images,
    Diagram,
}

impl Kind {
    pub fn has_color(&self) -> bool {
        matches!(
            self,
            Self::Line { .. } | Self::Band { .. } | Self::Scatter { .. } | Self::Bars { .. } | Self::Histogram { .. }
        )
    }

    pub fn family(&self) -> Family {
        match self {
            Self::Bars { .. } => Family::Bars,
            Self::Heatmap { .. } => Family::Heatmap,
            Self::Images(_) => Family::Images,
            Self::Diagram(_) => Family::Diagram,
            _ => Family::Numeric,
        }
    }

    pub fn mesh(&self) -> Option<&Mesh> {
        match self {
            Self::Field { mesh, .. } | Self::Regions { mesh, .. } | Self::Contours { mesh, .. } => Some(mesh),
            _ => None,
        }
    }

    pub fn name(&self) -> &'static str {
        match self {
            Self::Line { dashed: false, .. } => "line",
            Self::Line { dashed: true, .. } => "dashed line",
            Self::Band { .. } => "band",
            Self::Scatter { .. } => "scatter",
            Self::Bars { .. } => "bars",
            Self::Histogram { .. } => "histogram",
            Self::Heatmap { .. } => "heat map",
            Self::Field { .. } => "field",
            Self::Regions { .. } => "regions",
            Self::Contours { .. } => "contours",
            Self::Images(_) => "images",
            Self::Diagram(_) => "diagram",
        }
    }
}

impl Layer {
    /// What it is and what it is called, for messages.
    pub fn title(&self) -> String {
        if self.name.is_empty() { self.kind.name().into() } else { format!("{} \"{}\"", self.kind.name(), self.name) }
    }
}
