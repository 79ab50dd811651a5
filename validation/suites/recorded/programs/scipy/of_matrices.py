"""Programs with matrices, Fourier transforms, points, clusters and files of SciPy."""

from __future__ import annotations

from typing import Any

from ..families import Family
from ..telling import fill_lines
from .of_science import play_science

MATRICES = (
    fill_lines(
        "str(sp.csr_array(N).OPTIONS)",
        OPTIONS="""tocsr() tocsc() tocoo() todok() tolil() todia() tobsr(blocksize=(1,2)) sum(0)
    sum(1) sum() mean(0) max(0) max(1)
    min() argmax(0) argmin() diagonal() diagonal(1) nnz T A1 power(2) sqrt() astype("f4")
    dot([1,2,3,4]) count_nonzero()
    toarray() getnnz(0) nonzero() multiply([1,2,3,4]) maximum(0.5) reshape((4,3)) trace() conj()
    eliminate_zeros() sum_duplicates()
    tocsr()[1] tocsr()[:,[0,2]] tocsr()[1,3] tolil()[0,1] tocsc()[:,1] todok().get((0,1)) indices
    indptr data has_sorted_indices""",
    )
    + fill_lines(
        "\n(sp.OPTIONS).toarray()",
        OPTIONS="""coo_array(([1,2,3],([0,0,1],[1,1,0])),shape=(2,3))
    coo_array(([1,2,3],([0,0,1],[1,1,0]))).tocsr() csr_array(([1,2],[0,1],[0,1,2]))
    csr_array(N)@sp.csr_array(N).T
    eye_array(3,k=1) diags_array([[1,2],[3]],offsets=[0,1]) diags_array([1,2,3])
    kron(N[:2,:2],[[1,2]]) block_diag([[[1]],[[2,3]]]) hstack([sp.csr_array(N),N])
    vstack([sp.csr_array(N),N])
    tril(N,1) triu(N,-1) random_array((3,3),density=0.5,rng=2) csr_array(N).tocoo().T
    csr_array(N).multiply(N) csr_array(N).maximum(0.5) csr_array((2,3),dtype="i4") lil_array(N).T
    dok_array((2,2)) dia_array(([[1,2,3]],[1]),shape=(3,3)) bsr_array(N,blocksize=(1,2))
    csr_array(N).reshape((4,3)) csr_array(N).power(2) block_array([[N,None],[None,N]])
    csr_array(N)[[2,0]] csr_array(N)-sp.csc_array(N)*2""",
    )
    + fill_lines(
        "\nli.OPTIONS",
        OPTIONS="""inv(S) det(S) solve(S,[1,2,3]) solve(S,[1,2,3],assume_a="sym")
    solve(S,[1,2,3],assume_a="pos") solve(S,[1,2,3],transposed=True)
    solve(S,[1,2,3],lower=True,assume_a="lower&triangular") lstsq(N.T,[1,2,3,4])[0] pinv(N)
    eigh(S)[0] eigh(S,eigvals_only=True,subset_by_index=[0,1]) eigvalsh(S,subset_by_value=[0,4])
    eigvals(S).real.round(4) svdvals(N) svd(N,full_matrices=False)[1] svd(N,compute_uv=False)
    cholesky(S) cholesky(S,lower=True) cho_solve(li.cho_factor(S),[1,2,3]) lu(S)
    lu(S,permute_l=True)
    lu_solve(li.lu_factor(S),[1,2,3]) lu_solve(li.lu_factor(S),[1,2,3],trans=1) abs(li.qr(S)[1])
    solve_triangular(S,[1,2,3]) solve_triangular(S,[1,2,3],lower=True)
    solve_triangular(S,[1,2,3],trans=1,unit_diagonal=True)
    solve_banded((1,1),[[0,1,1],[4,4,4],[1,1,0]],[1,2,3]) solveh_banded([[0,1,1],[4,4,4]],[1,2,3])
    expm(S/5) logm(S).real sqrtm(S).real norm(S) norm(S,1) norm(N,np.inf,axis=1) norm(S,"nuc")
    norm(N,2,axis=0,keepdims=True) toeplitz([1,2,3]) toeplitz([1,2],[1,5,6]) circulant([1,2,3])
    hankel([1,2,3]) hilbert(2) hadamard(2) block_diag([1],[[2,3]]) companion([1,2,3]) dft(2).real
    vander([1,2]) matrix_rank(S) null_space([[1,1]])**2 orth([[1,1],[1,1]])**2
    kron(S,[1,2]) solve_sylvester(S,S,S) polar(S)[0] ldl(S)[1] bandwidth(N[:3,:3]) issymmetric(S)
    solve_toeplitz([3,1,1],[1,2,3]) solve_circulant([3,1,1],[1,2,3]) khatri_rao([[1,2]],[[3,4]])
    inv(N) cholesky(-S) funm(S,np.exp).real fractional_matrix_power(S,0.5).real""",
    )
    .replace("li.abs(", "abs(")
    .replace("li.kron", "np.kron")
    .replace("&", " ")
    .replace("li.vander", "np.vander")
    .replace("li.matrix_rank", "np.linalg.matrix_rank")
)
SIGNALS = (
    fill_lines(
        "ff.OPTIONS",
        OPTIONS="""fft(v) fft(v,8) fft(v,norm="ortho") fft(v,norm="forward") ifft(v) rfft(v)
    rfft(v,4)
    irfft(v) irfft(v,5) fft2(w) ifft2(w,norm="ortho") rfft2(w,axes=(1,0)) fftn(w,s=(3,2))
    irfftn(w) hfft(v) ihfft(v) rfftn(w,axes=[0])
    dct(v) dct(v,1) dct(v,3,norm="ortho") dct(v,4) dct(v,orthogonalize=True) idct(v)
    idct(v,type=3) dst(v) dst(v,1) dst(v,3) idst(v,norm="ortho") dctn(w) dctn(w,axes=0)
    idctn(w,norm="ortho") fftfreq(5,0.5) rfftfreq(6) fftshift(v) fftshift(w,axes=1) ifftshift(v)
    next_fast_len(13) next_fast_len(13,real=True) prev_fast_len(13) fht(v+1,0.1,0.5)""",
    )
    + fill_lines(
        "\nsd.OPTIONS",
        OPTIONS="""KDTree(P).query([[0.4,1],[3,3]]) KDTree(P).query([0.4,1],k=3)
    KDTree(P).query([0.4,1],k=[2],p=1) KDTree(P).query([0.4,1],k=3,distance_upper_bound=1.5)
    KDTree(P).query([0.4,1],eps=0.5) KDTree(P).query_ball_point([1,1],2,return_sorted=True)
    KDTree(P).query_ball_point([1,1],2,p=1,return_length=1)
    KDTree(P).count_neighbors(sd.KDTree(P[:3]),1.5)
    KDTree(P,leafsize=1).query_pairs(1.5,output_type="ndarray").sum()
    KDTree(P).sparse_distance_matrix(sd.KDTree(P[:2]),2).toarray()
    KDTree(P,boxsize=5).query([4.9,0]) cKDTree(P).query_ball_tree(sd.cKDTree(P[:2]),1.2)
    KDTree(P).n KDTree(P).maxes
    ConvexHull(P).area ConvexHull(P).volume ConvexHull(P).vertices.sum()
    Delaunay(P).find_simplex([[1,1],[9,9]])>=0 Delaunay(P).simplices.sum()
    Voronoi(P).vertices.sum() Voronoi(P).point_region.size distance_matrix(P,P[:2])
    distance_matrix(P,P[:2],p=1) minkowski_distance(P,P[::-1],3) procrustes(P,P[::-1])[2]
    geometric_slerp([1,0],[0,1],[0.3]) ConvexHull([[0,0],[1,1]]) Rectangle([0,1],[3,5]).volume()
    distance.jensenshannon([0.1,0.9],[0.5,0.5],base=2)
    distance.mahalanobis([0,1],[2,1],[[1,0.2],[0.2,2]]) distance.directed_hausdorff(P,P[:3])
    distance.squareform([1,2,3]) distance.cosine([1,2],[2,1],w=[1,3])
    distance.minkowski([1,2],[2,4],3,w=[1,2])
    distance.pdist(P) distance.pdist(P,"cityblock") distance.pdist(P,"minkowski",p=3)
    distance.pdist(P,"seuclidean") distance.pdist(P,"cosine") distance.pdist(P,"chebyshev")
    distance.pdist(P,"canberra") distance.cdist(P,P[:2],"correlation")
    distance.cdist(P,P[:2],"braycurtis") distance.cdist(P,P[:2],"sqeuclidean")
    distance.cdist(P>1,P[:2]>1,"jaccard") distance.cdist(P>1,P[:2]>1,"hamming")
    transform.Rotation.from_euler("xyz",[30,20,10],degrees=True).as_quat()
    transform.Rotation.from_euler("ZYX",[0.1,0.2,0.3]).as_matrix()
    transform.Rotation.from_quat([0,0,1,1]).as_euler("xyz",degrees=True)
    transform.Rotation.from_rotvec([0,0,1.5]).apply([1,2,3])
    transform.Rotation.from_rotvec([0,0,1.5]).apply([1,2,3],inverse=True)
    transform.Rotation.from_rotvec([0,0,90],degrees=True).magnitude()
    transform.Rotation.from_quat([1,0,0,0.5],scalar_first=True).as_quat(scalar_first=True)
    transform.Rotation.align_vectors([[1,0,0],[0,1,0]],[[0,1,0],[-1,0,0]])[0].as_matrix()
    transform.Slerp([0,1],sd.transform.Rotation.from_rotvec([[0,0,0],[0,0,1]]))(0.3).as_rotvec()
    transform.Rotation.identity(2).as_mrp()""",
    )
    + fill_lines(
        "\ncl.OPTIONS",
        OPTIONS="""hierarchy.linkage(P) hierarchy.linkage(P,"complete")
    hierarchy.linkage(P,"average")
    hierarchy.linkage(P,"ward") hierarchy.linkage(P,"single","cityblock")
    hierarchy.linkage(P,"centroid",optimal_ordering=True)
    hierarchy.fcluster(cl.hierarchy.linkage(P),2,"maxclust")
    hierarchy.fcluster(cl.hierarchy.linkage(P),1.1,"distance")
    hierarchy.fcluster(cl.hierarchy.linkage(P),1.1)
    hierarchy.fclusterdata(P,2,"maxclust") hierarchy.cophenet(cl.hierarchy.linkage(P))
    hierarchy.leaves_list(cl.hierarchy.linkage(P)) hierarchy.cut_tree(cl.hierarchy.linkage(P),2)
    hierarchy.dendrogram(cl.hierarchy.linkage(P),no_plot=True)["ivl"]
    hierarchy.inconsistent(cl.hierarchy.linkage(P)) vq.whiten(P) vq.kmeans(P,P[[0,4]])[1]
    vq.kmeans2(P,P[[0,4]],minit="matrix") vq.vq(P,P[:2]) vq.kmeans2(P,2,rng=3,minit="++")[1]""",
    )
    + """
[io.wavfile.write("a.wav", 8000, (v * 1000).astype("i2")), io.wavfile.read("a.wav")]
[io.wavfile.write("f.wav", 44100, w.astype("f4")), io.wavfile.read("f.wav", mmap=False)],
 io.wavfile.read("none.wav")
[io.wavfile.write("b.wav", 100, np.arange(9, dtype="u1")), io.wavfile.read("b.wav")],
 io.wavfile.write("c.wav", 1, v.astype("c8"))
[io.savemat("a.mat", {"v": v, "t": "text", "s": {"in": w}, "l": [1, 2]}),
 sorted(io.loadmat("a.mat")), io.loadmat("a.mat")["v"]]
io.loadmat("a.mat", squeeze_me=True)["v"], io.loadmat("a.mat", simplify_cells=True)["s"],
 io.loadmat("a.mat", variable_names=["t"])["t"], io.whosmat("a.mat")
io.loadmat("a.mat", struct_as_record=False, squeeze_me=True)["s"]._fieldnames, io.loadmat("a.mat",
 chars_as_strings=False)["t"], io.loadmat("none.mat"), io.loadmat("a", appendmat=False)
[io.savemat("b.mat", {"v": v}, do_compression=True, oned_as="column"), io.loadmat("b.mat")["v"]],
 [io.savemat("c.mat", {"v": v}, format="4"), io.loadmat("c.mat")["v"]], io.savemat("d", {"_x": v},
 appendmat=False)
[io.mmwrite("a.mtx", sp.coo_array(N), comment="c", precision=3), io.mmread("a.mtx").toarray(),
 io.mminfo("a.mtx")], [io.mmwrite("b.mtx", S, symmetry="general"), io.mmread("b.mtx")],
 [sp.save_npz("m.npz", sp.csr_array(N)), sp.load_npz("m.npz").toarray()]
"""
)


LISTS = {"matrices": MATRICES, "signals": SIGNALS}


def use_matrices(name: str) -> list[Any]:
    """Return what the steps of a list with matrices, points or files of SciPy give."""
    return play_science(LISTS[name])


OF_MATRICES = (Family(use_matrices, lambda: [*LISTS], lambda _: None),)
