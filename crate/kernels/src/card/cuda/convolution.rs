//! Convolutions by cuDNN. Its algorithms are chosen here, so that every run has the same bits, and F32 is not computed in TF32, as the
//! library would by itself.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use candle_core::cuda_backend::cudarc::cudnn::sys::{
    cudnnConvolutionBwdDataAlgo_t, cudnnConvolutionBwdFilterAlgo_t, cudnnConvolutionFwdAlgo_t, cudnnConvolutionMode_t,
    cudnnMathType_t, cudnnTensorFormat_t,
};
use candle_core::cuda_backend::cudarc::cudnn::{
    ConvBackwardData, ConvBackwardFilter, ConvDescriptor, ConvForward, Cudnn, CudnnDataType, CudnnError,
    FilterDescriptor, TensorDescriptor,
};
use candle_core::cuda_backend::cudarc::driver::{CudaView, DeviceRepr};
use candle_core::cuda_backend::{CudaDType, DeviceId};
use candle_core::{CudaDevice, DType, Layout, Storage, Tensor, WithDType};
use candlelight_base::Result;

use super::{address, card};
use crate::autograd::Numbers;
use crate::card::Pass;
use crate::contiguous;
use crate::geometry::{Axis, Geometry};

const FORWARD: cudnnConvolutionFwdAlgo_t = cudnnConvolutionFwdAlgo_t::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM;
// Those of number 0 add in any order.
const OF_INPUT: cudnnConvolutionBwdDataAlgo_t = cudnnConvolutionBwdDataAlgo_t::CUDNN_CONVOLUTION_BWD_DATA_ALGO_1;
const OF_WEIGHT: cudnnConvolutionBwdFilterAlgo_t = cudnnConvolutionBwdFilterAlgo_t::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1;

/// The most bytes of a workspace: with more, convolutions go without the library.
const WORKSPACE: usize = 1 << 30;
/// What addresses have to be a multiple of.
const ALIGN: u64 = 16;

/// The library for one card and thread: its handles may not change threads.
struct Library {
    /// Never given back: when a thread ends after a failure of the card, that would end the program.
    cudnn: ManuallyDrop<Arc<Cudnn>>,
    /// Bytes that a pass needs beside its arrays; `None` for sizes that the library does not take in it. A pass that was refused once is
    /// always done without it, so that all runs have the same bits.
    workspaces: HashMap<(Pass, Geometry, DType), Option<usize>>,
}

thread_local! {
    static LIBRARIES: RefCell<HashMap<DeviceId, Library>> = RefCell::default();
}

/// What the library knows of a convolution.
struct Descriptors<T> {
    conv: ConvDescriptor<T>,
    x: TensorDescriptor<T>,
    w: FilterDescriptor<T>,
    y: TensorDescriptor<T>,
}

impl<T: CudnnDataType> Descriptors<T> {
    fn new(cudnn: &Arc<Cudnn>, g: &Geometry) -> Result<Self, CudnnError> {
        // No array has more numbers than an i32 counts.
        let pair = |of: fn(&Axis) -> usize| [of(&g.axes[0]) as i32, of(&g.axes[1]) as i32];
        let dims =
            |first: usize, second: usize, [rows, columns]: [i32; 2]| [first as i32, second as i32, rows, columns];
        let mode = cudnnConvolutionMode_t::CUDNN_CROSS_CORRELATION;
        let mut conv = cudnn.create_conv2d(
            pair(|axis| axis.padding),
            pair(|axis| axis.stride),
            pair(|axis| axis.dilation),
            mode,
        )?;
        conv.set_math_type(cudnnMathType_t::CUDNN_FMA_MATH)?;
        conv.set_group_count(g.groups as i32)?;
        let format = cudnnTensorFormat_t::CUDNN_TENSOR_NCHW;
        Ok(Self {
            conv,
            x: cudnn.create_4d_tensor(format, dims(g.batch, g.in_channels, pair(|axis| axis.input)))?,
            w: cudnn.create_4d_filter(format, dims(g.out_channels, g.channels(), pair(|axis| axis.kernel)))?,
            y: cudnn.create_4d_tensor(format, dims(g.batch, g.out_channels, pair(|axis| axis.output)))?,
        })
    }

    fn forward(&self) -> ConvForward<'_, T, T, T> {
        ConvForward { conv: &self.conv, x: &self.x, w: &self.w, y: &self.y }
    }

    fn of_input(&self) -> ConvBackwardData<'_, T, T, T> {
        ConvBackwardData { conv: &self.conv, dx: &self.x, w: &self.w, dy: &self.y }
    }

    fn of_weight(&self) -> ConvBackwardFilter<'_, T, T, T> {
        ConvBackwardFilter { conv: &self.conv, x: &self.x, dw: &self.w, dy: &self.y }
    }

    /// The bytes that a pass needs beside its arrays.
    fn workspace(&self, pass: Pass) -> Result<usize, CudnnError> {
        match pass {
            Pass::Forward => self.forward().get_workspace_size(FORWARD),
            Pass::OfInput => self.of_input().get_workspace_size(OF_INPUT),
            Pass::OfWeight => self.of_weight().get_workspace_size(OF_WEIGHT),
        }
    }
}

/// Whether it is for what it was asked that the library refuses, and not because something failed: the numbers of such a status begin with
/// a 2 or a 3, as in NVIDIA's `CUDNN_STATUS_CATEGORY`.
fn is_refusal(error: &CudnnError) -> bool {
    matches!(error.0 as u32 / 1000, 2 | 3)
}

impl Library {
    fn new(card: &CudaDevice) -> Result<Self> {
        let cudnn = Cudnn::new(card.cuda_stream()).map_err(candle_core::Error::from)?;
        Ok(Self { cudnn: ManuallyDrop::new(cudnn), workspaces: HashMap::new() })
    }

    /// The bytes that a pass needs, if the library takes its sizes.
    fn workspace<T: CudnnDataType + WithDType>(&mut self, pass: Pass, g: &Geometry) -> Result<Option<usize>> {
        let key = (pass, *g, T::DTYPE);
        if let Some(known) = self.workspaces.get(&key) {
            return Ok(*known);
        }
        let asked = Descriptors::<T>::new(&self.cudnn, g).and_then(|descriptors| descriptors.workspace(pass));
        let found = match asked {
            Ok(bytes) => Some(bytes).filter(|bytes| *bytes <= WORKSPACE),
            Err(error) if is_refusal(&error) => None,
            Err(error) => return Err(candle_core::Error::from(error).into()),
        };
        self.workspaces.insert(key, found);
        Ok(found)
    }
}

/// A pass; `None` if the library does not take it.
pub(in crate::card) fn run(pass: Pass, a: &Tensor, b: &Tensor, g: &Geometry) -> Result<Option<Numbers>> {
    match a.dtype() {
        DType::F64 => run_as::<f64>(pass, a, b, g),
        _ => run_as::<f32>(pass, a, b, g),
    }
}

fn run_as<T>(pass: Pass, a: &Tensor, b: &Tensor, g: &Geometry) -> Result<Option<Numbers>>
where
    T: CudnnDataType + WithDType + CudaDType + DeviceRepr,
{
    let (card, a, b) = (card(a)?, aligned(a)?, aligned(b)?);
    card.cuda_stream().context().bind_to_thread().map_err(candle_core::Error::from)?;
    LIBRARIES.with_borrow_mut(|libraries| {
        let library = match libraries.entry(card.id()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(Library::new(&card)?),
        };
        let Some(bytes) = library.workspace::<T>(pass, g)? else { return Ok(None) };
        let n = match pass {
            Pass::Forward => g.batch * g.output(),
            Pass::OfInput => g.batch * g.input(),
            Pass::OfWeight => g.out_channels * g.channels() * g.taps(),
        };
        // SAFETY: the pass writes all of the first, and to the second before it reads there.
        let (mut out, mut workspace) =
            unsafe { (card.alloc::<T>(n)?, (bytes > 0).then(|| card.alloc::<u8>(bytes)).transpose()?) };
        let descriptors = Descriptors::<T>::new(&library.cudnn, g).map_err(candle_core::Error::from)?;
        let ((a, at), (b, bt)) = (a.storage_and_layout(), b.storage_and_layout());
        let (a, b) = (numbers::<T>(&a, at)?, numbers::<T>(&b, bt)?);
        let (workspace, factors) = (workspace.as_mut(), (T::one(), T::zero()));
        // SAFETY: the arrays have the sizes of the geometry, from which the descriptors are made, and are contiguous.
        let done = unsafe {
            match pass {
                Pass::Forward => descriptors.forward().launch(FORWARD, workspace, factors, &a, &b, &mut out),
                Pass::OfInput => descriptors.of_input().launch(OF_INPUT, workspace, factors, &mut out, &a, &b),
                Pass::OfWeight => descriptors.of_weight().launch(OF_WEIGHT, workspace, factors, &a, &mut out, &b),
            }
        };
        match done {
            Ok(()) => {}
            Err(error) if is_refusal(&error) => {
                library.workspaces.insert((pass, *g, T::DTYPE), None);
                return Ok(None);
            }
            Err(error) => return Err(candle_core::Error::from(error).into()),
        }
        Ok(Some(Numbers::written(Storage::Cuda(T::wrap_cuda_slice(out, card.clone())), n)))
    })
}

/// A tensor in order, whose numbers begin where memory that was allocated may begin: a cut of another need not.
fn aligned(x: &Tensor) -> Result<Tensor> {
    let x = contiguous(&x.detach())?;
    if address(&x)?.is_multiple_of(ALIGN) { Ok(x) } else { Ok(x.force_contiguous()?) }
}

/// The numbers of a contiguous tensor.
fn numbers<'a, T: CudaDType>(storage: &'a Storage, layout: &Layout) -> Result<CudaView<'a, T>> {
    match storage {
        Storage::Cuda(storage) => Ok(T::as_cuda_slice(storage)?.slice(layout.start_offset()..)),
        _ => Err(candle_core::Error::Msg("a convolution of a card was given a tensor that is elsewhere".into()).into()),
    }
}
