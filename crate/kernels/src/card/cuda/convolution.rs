//! Convolutions by cuDNN. Its algorithms are chosen here, so that every run has the same bits, and F32 is not computed in TF32, as the
//! library would by itself.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use candle_core::cuda_backend::cudarc::cudnn::sys::{
    cudnnConvolutionBwdDataAlgo_t, cudnnConvolutionBwdFilterAlgo_t, cudnnConvolutionFwdAlgo_t, cudnnConvolutionMode_t,
    cudnnMathType_t, cudnnStatus_t, cudnnTensorFormat_t,
};
use candle_core::cuda_backend::cudarc::cudnn::{
    ConvBackwardData, ConvBackwardFilter, ConvDescriptor, ConvForward, Cudnn, CudnnDataType, CudnnError,
    FilterDescriptor, TensorDescriptor,
};
use candle_core::cuda_backend::cudarc::driver::{CudaView, DeviceRepr};
use candle_core::cuda_backend::{CudaDType, DeviceId};
use candle_core::{CudaDevice, DType, Layout, Storage, Tensor, WithDType};
use candlelight_base::Result;

use super::card;
use crate::autograd::Numbers;
use crate::card::Pass;
use crate::contiguous;
use crate::geometry::{Axis, Geometry};

const FORWARD: cudnnConvolutionFwdAlgo_t = cudnnConvolutionFwdAlgo_t::CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM;
// Those of number 0 add in any order.
const OF_INPUT: cudnnConvolutionBwdDataAlgo_t = cudnnConvolutionBwdDataAlgo_t::CUDNN_CONVOLUTION_BWD_DATA_ALGO_1;
const OF_WEIGHT: cudnnConvolutionBwdFilterAlgo_t = cudnnConvolutionBwdFilterAlgo_t::CUDNN_CONVOLUTION_BWD_FILTER_ALGO_1;

/// The library for one card and thread: its handles may not change threads.
struct Library {
    cudnn: Arc<Cudnn>,
    /// Bytes that each pass needs beside its arrays; `None` for sizes that it does not take.
    workspaces: HashMap<(Geometry, DType), Option<[usize; 3]>>,
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

    fn workspaces(&self) -> Result<[usize; 3], CudnnError> {
        Ok([
            self.forward().get_workspace_size(FORWARD)?,
            self.of_input().get_workspace_size(OF_INPUT)?,
            self.of_weight().get_workspace_size(OF_WEIGHT)?,
        ])
    }
}

/// Calls `f` with the library, and with the bytes that passes of a convolution need, if it takes that.
fn with_library<T: CudnnDataType + WithDType, R>(
    card: &CudaDevice,
    g: &Geometry,
    f: impl FnOnce(&Arc<Cudnn>, Option<[usize; 3]>) -> Result<R>,
) -> Result<R> {
    LIBRARIES.with_borrow_mut(|libraries| {
        let library = match libraries.entry(card.id()) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let cudnn = Cudnn::new(card.cuda_stream()).map_err(candle_core::Error::from)?;
                entry.insert(Library { cudnn, workspaces: HashMap::new() })
            }
        };
        let key = (*g, T::DTYPE);
        if !library.workspaces.contains_key(&key) {
            let asked = Descriptors::<T>::new(&library.cudnn, g).and_then(|descriptors| descriptors.workspaces());
            let found = match asked {
                Ok(workspaces) => Some(workspaces),
                Err(CudnnError(cudnnStatus_t::CUDNN_STATUS_NOT_SUPPORTED | cudnnStatus_t::CUDNN_STATUS_BAD_PARAM)) => {
                    None
                }
                Err(error) => return Err(candle_core::Error::from(error).into()),
            };
            library.workspaces.insert(key, found);
        }
        f(&library.cudnn, library.workspaces[&key])
    })
}

pub(in crate::card) fn takes(x: &Tensor, g: &Geometry) -> Result<bool> {
    let card = card(x)?;
    match x.dtype() {
        DType::F64 => with_library::<f64, _>(&card, g, |_, workspaces| Ok(workspaces.is_some())),
        _ => with_library::<f32, _>(&card, g, |_, workspaces| Ok(workspaces.is_some())),
    }
}

pub(in crate::card) fn run(pass: Pass, a: &Tensor, b: &Tensor, g: &Geometry) -> Result<Numbers> {
    match a.dtype() {
        DType::F64 => run_as::<f64>(pass, a, b, g),
        _ => run_as::<f32>(pass, a, b, g),
    }
}

fn run_as<T>(pass: Pass, a: &Tensor, b: &Tensor, g: &Geometry) -> Result<Numbers>
where
    T: CudnnDataType + WithDType + CudaDType + DeviceRepr,
{
    let (card, a, b) = (card(a)?, contiguous(&a.detach())?, contiguous(&b.detach())?);
    let n = match pass {
        Pass::Forward => g.batch * g.output(),
        Pass::OfInput => g.batch * g.input(),
        Pass::OfWeight => g.out_channels * g.channels() * g.taps(),
    };
    // SAFETY: the pass writes all of it.
    let mut out = unsafe { card.alloc::<T>(n) }?;
    with_library::<T, _>(&card, g, |cudnn, workspaces| {
        let bytes = workspaces.map_or(0, |workspaces| workspaces[pass as usize]);
        // SAFETY: the library writes there before it reads.
        let mut workspace = (bytes > 0).then(|| unsafe { card.alloc::<u8>(bytes) }).transpose()?;
        let descriptors = Descriptors::<T>::new(cudnn, g).map_err(candle_core::Error::from)?;
        let ((a, at), (b, bt)) = (a.storage_and_layout(), b.storage_and_layout());
        let (a, b) = (numbers::<T>(&a, at)?, numbers::<T>(&b, bt)?);
        let (workspace, factors) = (workspace.as_mut(), (T::one(), T::zero()));
        // SAFETY: the arrays have the sizes of the geometry, from which the descriptors are made, and are contiguous.
        unsafe {
            match pass {
                Pass::Forward => descriptors.forward().launch(FORWARD, workspace, factors, &a, &b, &mut out),
                Pass::OfInput => descriptors.of_input().launch(OF_INPUT, workspace, factors, &mut out, &a, &b),
                Pass::OfWeight => descriptors.of_weight().launch(OF_WEIGHT, workspace, factors, &a, &mut out, &b),
            }
        }
        .map_err(candle_core::Error::from)?;
        Ok(())
    })?;
    Ok(Numbers::written(Storage::Cuda(T::wrap_cuda_slice(out, card)), n))
}

/// The numbers of a contiguous tensor.
fn numbers<'a, T: CudaDType>(storage: &'a Storage, layout: &Layout) -> Result<CudaView<'a, T>> {
    match storage {
        Storage::Cuda(storage) => Ok(T::as_cuda_slice(storage)?.slice(layout.start_offset()..)),
        _ => Err(candle_core::Error::Msg("a convolution of a card was given a tensor that is elsewhere".into()).into()),
    }
}
