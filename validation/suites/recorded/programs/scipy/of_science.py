"""Programs with what users of science call in SciPy, with each option.

All results converge, so that processors which round differently agree.
"""

from __future__ import annotations

import importlib
import math
from typing import Any

import numpy as np

from ..families import Family
from ..of_frames import play_parts
from ..telling import fill_lines, tell_exactly

FITTED = (
    fill_lines(
        "op.curve_fit(lambda&t,a,b:a*np.exp(-b*t),x,y,OPTIONS)[:2]",
        OPTIONS="""p0=[2,1] sigma=s sigma=s,absolute_sigma=True
    sigma=np.diag(s**2),absolute_sigma=True
    bounds=([0,0],[2.2,3]) bounds=(0,np.inf) method="trf" method="dogbox",p0=[2,1]
    method="lm",maxfev=900
    p0=[2,1],jac=lambda&t,a,b:np.stack([np.exp(-b*t),-a*t*np.exp(-b*t)],1) nan_policy="omit"
    bounds=([3,0],[1,1]) p0=[1] loss="soft_l1",method="trf" check_finite=False""",
    )
    + fill_lines(
        "\nop.least_squares(lambda&p:p[0]*np.exp(-p[1]*x)-wild,[2,1],OPTIONS).x",
        OPTIONS="""loss="linear" loss="soft_l1" loss="huber" loss="cauchy" loss="arctan"
    loss="huber",f_scale=0.2 method="lm" method="dogbox" bounds=([0,0],[2,2]) x_scale="jac"
    jac="3-point" tr_solver="lsmr" loss="zz" method="lm",loss="huber" """,
    )
    + fill_lines(
        "\nop.minimize(lambda&p:(p[0]-1)**2+2*(p[1]+0.5)**2+p[0]*p[1],[0.3,0.4],OPTIONS).x.round(3)",
        OPTIONS="""method="Nelder-Mead",options={"xatol":1e-6,"fatol":1e-9} method="Powell"
    method="CG"
    method="BFGS" method="L-BFGS-B" method="TNC" method="COBYLA",tol=1e-6 method="SLSQP"
    method="trust-constr"
    bounds=[(0,0.5),(0,1)] bounds=[(0.9,2),(None,-0.8)],method="SLSQP"
    bounds=[(0,0.5),(0,1)],method="Powell"
    constraints={"type":"eq","fun":lambda&p:p[0]+p[1]-1}
    constraints={"type":"ineq","fun":lambda&p:p[1]}
    bounds=[(0,0.5),(0,1)],method="TNC" bounds=[(0,0.5),(0,1)],method="Nelder-Mead" method="zz"
    constraints=op.LinearConstraint([[1,1]],1,2),method="trust-constr" method="Newton-CG"
    jac=lambda&p:np.array([2*(p[0]-1)+p[1],4*(p[1]+0.5)+p[0]]),method="Newton-CG" jac="3-point"
    """,
    )
).replace("&", " ")
MORE_FITTED = """
op.curve_fit(lambda t, a, b: a * np.exp(-b * t), x, y, full_output=True)[4] in (1, 2, 3, 4)
sorted(op.curve_fit(lambda t, a, b: a * np.exp(-b * t), x, y, full_output=True)[2])
op.linear_sum_assignment([[4, 1, 3], [2, 0, 5], [3, 2, 2]])
op.linear_sum_assignment([[4, 1, 3], [2, 0, 5], [3, 2, 2]], maximize=True)
op.linear_sum_assignment([[4, 1, 3], [2, 0, 5]]), op.linear_sum_assignment([[1], [0.5]], True)
op.brentq(lambda v: v ** 3 - 2, 0, 2), op.brentq(lambda v: v, 1, 2), op.brenth(math.cos, 1, 2)
op.bisect(lambda v, k: v * v - k, 0, 2, args=(2,)), op.ridder(math.cos, 1, 2),
 op.toms748(math.cos, 1, 2)
op.newton(lambda v: v * v - 2, 1.0), op.newton(lambda v: v * v - 2, 1.0, fprime=lambda v: 2 * v)
op.root_scalar(lambda v: v ** 3 - 1, bracket=[0, 3]).root, op.root(lambda v: [v[0] - 1, v[1] *
 v[0] - 2], [2, 2]).x
op.root(lambda v: [v[0] - 1, v[1] * v[0] - 2], [2, 2], method="lm").x, op.fsolve(lambda v: v ** 2
 - 4, 1.0)
op.minimize_scalar(lambda v: (v - 2) ** 2).x, op.minimize_scalar(lambda v: (v - 2) ** 2,
 bounds=(0, 1.5)).x.round(3)
op.linprog([-1, -2], [[1, 1], [1, 3]], [4, 6]).x, op.linprog([1, 2], A_eq=[[1, 1]], b_eq=[3],
 bounds=[(0, 2), (0, None)]).x
op.milp([-1, -2], constraints=op.LinearConstraint([[2, 3]], -np.inf, 7), integrality=1).x
op.nnls(np.array([[1.0, 2], [3, 4], [5, 6]]), np.array([1.0, 0, -3])), op.lsq_linear([[1, 2], [3,
 4]], [1, 2], bounds=(0, 1)).x.round(2)
op.fixed_point(math.cos, 0.5), op.approx_fprime([1.0, 2.0], lambda p: p[0] * p[1]),
 op.isotonic_regression([1, 3, 2, 4]).x
op.isotonic_regression([1, 3, 2, 4], increasing=False).x, op.check_grad(lambda p: p[0] ** 2,
 lambda p: 2 * p, [1.5]) < 1e-5
op.differential_evolution(lambda p: (p[0] - 1) ** 2, [(0, 3)], rng=1, maxiter=30).x.round(3)
op.bracket(lambda v: (v - 2) ** 2)[:3], op.rosen([1, 2]), op.OptimizeResult(a=1).a
"""
INTERPOLATED = fill_lines(
    "ip.OPTIONS([-1,0.5,2.5,3,9])",
    OPTIONS="""interp1d(k,v,bounds_error=False)
    interp1d(k,v,"nearest",bounds_error=False,fill_value=(7,8))
    interp1d(k,v,"previous",fill_value="extrapolate") interp1d(k,v,"next",fill_value="extrapolate")
    interp1d(k,v,"cubic",fill_value="extrapolate")
    interp1d(k,v,"quadratic",bounds_error=False,fill_value=0)
    interp1d(k,v,"nearest-up",fill_value="extrapolate") interp1d(k,v)
    interp1d(k[::-1],v,assume_sorted=False,fill_value="extrapolate")
    interp1d(k,w,axis=0,fill_value="extrapolate")
    interp1d(k,w.T,axis=-1,bounds_error=False,fill_value=1.5)
    CubicSpline(k,v) CubicSpline(k,v,bc_type="natural") CubicSpline(k,v,bc_type="clamped")
    CubicSpline(k,v,extrapolate=False)
    CubicSpline(k,v-v,bc_type="periodic") CubicSpline(k,w,axis=0)
    CubicSpline(k,v,bc_type=((1,0.5),(2,0)))
    CubicSpline(k,v).derivative() CubicSpline(k,v).antiderivative()
    CubicSpline(k,v,extrapolate="periodic")
    PchipInterpolator(k,v) PchipInterpolator(k,v,extrapolate=False) PchipInterpolator(k,w,axis=0)
    Akima1DInterpolator(k,v)
    Akima1DInterpolator(k,v,method="makima") Akima1DInterpolator(k,v,extrapolate=True)
    BarycentricInterpolator(k,v) KroghInterpolator(k,v)
    make_interp_spline(k,v) make_interp_spline(k,v,k=1) make_interp_spline(k,v,k=2)
    make_interp_spline(k,v,bc_type="natural")
    make_interp_spline(k,w,axis=0) make_lsq_spline(k,v,[0,0,3,7,7],k=1)
    make_smoothing_spline(k,v,lam=0.5) BSpline([0,1,2,3,4,5],[1,2,3],2)
    BSpline([0,1,2,3,4,5],[1,2,3],2,extrapolate=False) UnivariateSpline(k,v,s=0)
    UnivariateSpline(k,v,k=2,s=1) UnivariateSpline(k,v,w=[1,1,5,1,1],s=2)
    UnivariateSpline(k,v,s=0,ext=1) UnivariateSpline(k,v,s=0,ext="const")
    UnivariateSpline(k,v,ext=2,s=0) UnivariateSpline(k,v,s=0,k=5)
    InterpolatedUnivariateSpline(k,v) InterpolatedUnivariateSpline(k,v,k=1)
    LSQUnivariateSpline(k,v,[3],k=2) PPoly([[1,2],[3,4]],[0,1,2])
    PPoly([[1,2],[3,4]],[0,1,2],extrapolate=False) BPoly([[1,2],[3,4]],[0,1,2])
    interp1d(k,v,kind="zz") CubicHermiteSpline(k,v,v/2)
    CubicSpline([0,0,1],[1,2,3])""",
)
MORE_INTERPOLATED = """
ip.RegularGridInterpolator((k, k[:3]), np.outer(v, v[:3]))([[1, 0.5], [3, 2]])
ip.RegularGridInterpolator((k, k[:3]), np.outer(v, v[:3]), method="nearest")([[1, 0.5], [3, 2]])
ip.RegularGridInterpolator((k, k[:3]), np.outer(v, v[:3]), bounds_error=False)([[1, 0.5], [30, 2]])
ip.RegularGridInterpolator((k, k[:3]), np.outer(v, v[:3]), bounds_error=False,
 fill_value=None)([[9, 2]])
ip.RegularGridInterpolator((k, k[:3]), np.outer(v, v[:3]))([[30, 2]])
ip.interpn((k, k[:3]), np.outer(v, v[:3]), [[1, 0.5]], method="nearest")
ip.griddata([[0, 0], [1, 0], [0, 1], [1, 1]], [1.0, 2, 3, 5], [[0.2, 0.3], [2, 2]])
ip.griddata([[0, 0], [1, 0], [0, 1], [1, 1]], [1.0, 2, 3, 5], [[0.2, 0.3], [2, 2]],
 method="nearest")
ip.griddata([[0, 0], [1, 0], [0, 1], [1, 1]], [1.0, 2, 3, 5], [[2, 2]], fill_value=7)
ip.NearestNDInterpolator([[0, 0], [1, 5]], [1, 2], rescale=True)([[0.6, 1]])
ip.RBFInterpolator(np.c_[k, k ** 2], v)([[1, 2]]), ip.RBFInterpolator(np.c_[k], v,
 kernel="linear")([[1.5]])
ip.RBFInterpolator(np.c_[k], v, kernel="gaussian", epsilon=0.7, smoothing=0.1)([[1.5]])
ip.splev([0.5, 9], ip.splrep(k, v, s=0), der=1), ip.splev([9], ip.splrep(k, v), ext=1),
 ip.splint(0, 3, ip.splrep(k, v))
ip.RectBivariateSpline(k, k, np.outer(v, v))(0.5, [1, 2]), ip.RectBivariateSpline(k, k,
 np.outer(v, v), kx=1, ky=2).ev(1, 2)
ip.lagrange([0, 1, 3], [1, 2, 10]).coef, ip.approximate_taylor_polynomial(np.exp, 0, 2,
 0.1).coef.round(2)
ip.CubicSpline(k, v).roots(), ip.CubicSpline(k, v).solve(2.5), ip.CubicSpline(k, v).integrate(0,
 9, extrapolate=False)
ig.quad(math.exp, 0, 1)[0], ig.quad(lambda t: math.exp(-t), 0, np.inf)[0], ig.quad(lambda t, a: a
 * t, 0, 2, args=(3,))[0]
ig.quad(lambda t: abs(t - 0.3), 0, 1, points=[0.3])[0], ig.quad(lambda t: 1.0, 0, 1, weight="cos",
 wvar=2)[0]
ig.dblquad(lambda b, a: a * b, 0, 1, lambda a: a, 2)[0], ig.nquad(lambda a, b: a + b, [[0, 1], [0,
 2]])[0]
ig.trapezoid(v, k), ig.trapezoid(v, dx=0.5), ig.trapezoid(w, k, axis=0), ig.simpson(v, x=k),
 ig.simpson(v[:4], dx=0.5)
ig.cumulative_trapezoid(v, k), ig.cumulative_trapezoid(v, k, initial=0), ig.cumulative_simpson(v,
 x=k, initial=0)
ig.romb(v, dx=0.5), ig.fixed_quad(np.exp, 0, 1, n=3)[0], ig.newton_cotes(3), ig.quad_vec(lambda t:
 np.array([t, t * t]), 0, 1)[0]
[ig.solve_ivp(lambda t, y: -y, (0, 1), [1.0], method=n, rtol=1e-8, atol=1e-10).y[0, -1].round(5)
 for n in ("RK45", "RK23", "DOP853", "Radau", "BDF", "LSODA")]
ig.solve_ivp(lambda t, y: [1.0], (0, 3), [0.0], t_eval=[1, 2], events=lambda t, y: y[0] -
 1.5).t_events
ig.solve_ivp(lambda t, y, a: -a * y, (0, 1), [1.0], args=(2,), dense_output=True,
 rtol=1e-8).sol(0.5).round(4)
ig.odeint(lambda y, t: -y, 1.0, [0, 1, 2]).round(4), ig.odeint(lambda t, y: -y, [1.0, 2], [0, 1],
 tfirst=True).round(4)
"""

ASKED = """cdf([0.5,1,2.5]) sf(1.5) ppf([0.1,0.5,0.95]) isf(0.2) logcdf(1.2) stats("mvsk")
interval(0.9) mean() median() var() std() entropy() support() rvs(3,random_state=2) moment(2)
"""
TESTED = fill_lines(
    "st.NAME.OPTIONS",
    NAME="""norm(0.5,2) uniform(1,3) expon(scale=2) gamma(2.5) beta(2,3) t(4) chi2(3) f(3,5)
    lognorm(0.6) weibull_min(1.5) laplace(0,1) cauchy() logistic() pareto(2.5) triang(0.3)
    truncnorm(-1,2)""",
    OPTIONS=ASKED + "pdf([0.5,1.5]) logpdf(1.2)",
)
COUNTED = fill_lines(
    "st.NAME.OPTIONS",
    NAME="""poisson(2.5) binom(5,0.3) geom(0.4) nbinom(3,0.5) hypergeom(9,4,3) bernoulli(0.3)
    randint(1,5)""",
    OPTIONS=ASKED + "pmf([0,1,2]) logpmf(1) expect()",
) + fill_lines(
    "\nst.NAME.OPTIONS",
    NAME="multivariate_normal([0,1],[[2,0.5],[0.5,1]]) dirichlet([1,2,3])",
    OPTIONS="""pdf([0.4,0.6]) logpdf([[0.4,0.6]]) cdf([0,1]) entropy() rvs(2,random_state=3)
    mean() var() pdf([0.2,0.3,0.5])""",
)
MORE_TESTED = fill_lines(
    "st.OPTIONS",
    OPTIONS="""rankdata(r) rankdata(r,"min") rankdata(r,"max") rankdata(r,"dense")
    rankdata(r,"ordinal") rankdata(w,axis=0) rankdata(q,nan_policy="omit")
    rankdata(q) zscore(a) zscore(a,ddof=1) zscore(w,axis=1) zscore(q,nan_policy="omit") zmap(b,a)
    gzscore(c) linregress(a,b) linregress(a,b,alternative="less")
    pearsonr(a,b) pearsonr(a,b,alternative="greater") spearmanr(a,r)
    spearmanr(a,r,alternative="less") spearmanr(w) kendalltau(a,r) kendalltau(a,r,variant="c")
    kendalltau(a,r,method="asymptotic") weightedtau(a,b) pointbiserialr(r>2,a) theilslopes(a,b)
    siegelslopes(a,b) ttest_ind(a,b) ttest_ind(a,b,equal_var=False)
    ttest_ind(a,b,alternative="less") ttest_ind(a,b,trim=0.2) ttest_rel(a,b) ttest_1samp(a,1.0)
    ttest_1samp(a,1.0,alternative="greater") ttest_1samp(q,1,nan_policy="omit") ttest_1samp(q,1)
    ttest_1samp(w,0,axis=1) mannwhitneyu(a,b) mannwhitneyu(a,b,alternative="less")
    mannwhitneyu(a,b,method="asymptotic",use_continuity=False) wilcoxon(a,b)
    wilcoxon(a,b,zero_method="pratt")
    wilcoxon(a,alternative="greater",correction=True) kruskal(a,b,r) f_oneway(a,b,r)
    friedmanchisquare(a,b,r) levene(a,b) levene(a,b,center="mean") bartlett(a,b) fligner(a,b)
    ansari(a,b) mood(a,b) ks_2samp(a,b) ks_2samp(a,b,alternative="less") kstest(a,"norm")
    kstest(a,"norm",args=(1,2)) shapiro(a) anderson(a).statistic normaltest(np.r_[a,b,c,r])
    jarque_bera(a) skewtest(np.r_[a,b]) chisquare([5,9,7]) chisquare([5,9,7],[6,8,7])
    chisquare([5,9,7],ddof=1) power_divergence([5,9,7],lambda_="log-likelihood")
    chi2_contingency([[5,9],[7,2]]) chi2_contingency([[5,9],[7,2]],correction=False)
    fisher_exact([[5,9],[7,2]]) fisher_exact([[5,9],[7,2]],alternative="less")
    barnard_exact([[5,2],[1,4]]).pvalue
    binomtest(3,9,0.5).pvalue binomtest(3,9).proportion_ci(0.9,"wilson") skew(a)
    skew(a,bias=False) kurtosis(a) kurtosis(a,fisher=False) kurtosis(a,bias=False) moment(a,3)
    variation(a,ddof=1)
    sem(a) sem(a,ddof=0) iqr(a) iqr(a,rng=(10,90)) iqr(a,scale="normal") median_abs_deviation(a)
    median_abs_deviation(a,scale="normal") trim_mean(r,0.2) trimboth(r,0.2) tmean(r,(2,5))
    tmean(r,(2,5),(False,True)) gmean(c) gmean(c,weights=r) hmean(c) pmean(c,3) mode(r)
    mode(w,axis=None) mode(r,keepdims=True) describe(a) describe(w,axis=1,ddof=0)
    scoreatpercentile(a,30)
    percentileofscore(r,3) percentileofscore(r,3,"weak") percentileofscore(r,3,"strict")
    percentileofscore(r,3,"mean") entropy(c) entropy(c,base=2) entropy(c,r)
    wasserstein_distance(a,b) energy_distance(a,b)
    sigmaclip(np.r_[a,50],2,2) boxcox(c,0.5) boxcox(c)[1].round(3) yeojohnson(a,0.5)
    binned_statistic(a,b,bins=3) binned_statistic(a,b,"max",2,range=(0,3))
    binned_statistic(a,b,"count",[0,1,2])
    cumfreq(a,3) relfreq(a,4) gaussian_kde(a)([0,1]) gaussian_kde(a,bw_method=0.4)([0,1])
    gaussian_kde(a,weights=c)(1) ecdf(r).cdf.probabilities tukey_hsd(a,b,r).pvalue
    combine_pvalues([0.1,0.3]) combine_pvalues([0.1,0.3],"stouffer",[1,2])
    false_discovery_control([0.01,0.04,0.2]) false_discovery_control([0.01,0.04,0.2],method="by")
    norm.fit(a) norm.fit(a,floc=0) expon.fit(c) expon.fit(c,floc=0) uniform.fit(a)
    gamma.fit(c,floc=0)[0] norm.fit(a,method="MM")
    bootstrap((a,),np.mean,rng=3,n_resamples=99).confidence_interval
    bootstrap((a,),np.mean,rng=3,n_resamples=99,method="percentile",confidence_level=0.8).confidence_interval
    bootstrap((a,b),lambda&x,y:x.mean()-y.mean(),rng=3,n_resamples=49,method="basic",vectorized=False).standard_error
    permutation_test((a,b),lambda&x,y:x.mean()-y.mean(),n_resamples=99,rng=1).pvalue
    monte_carlo_test(a,np.random.default_rng(1).normal,np.mean,n_resamples=99,vectorized=False).pvalue
    qmc.Sobol(2,scramble=False).random(4) qmc.Halton(2,scramble=False).random(3)
    qmc.scale([[0.5,0.2]],[1,2],[3,8])
    circmean(a) circstd(a) circvar(a,high=5) alexandergovern(a,b).pvalue brunnermunzel(a,b)
    epps_singleton_2samp(a,b) cramervonmises(a,"norm").pvalue somersd(r,r[::-1]).statistic
    page_trend_test(w).pvalue dunnett(a,b,control=c,rng=1).statistic""",
).replace("&", " ")

SMOOTHED = fill_lines(
    "sg.savgol_filter(N8, 5, ORDER, mode='MODE', OPTIONS)\nsg.savgol_filter(x, 4, ORDER, OPTIONS)",
    ORDER="1 2 4",
    MODE="interp mirror nearest constant wrap",
    OPTIONS="deriv=0 deriv=1 deriv=2 deriv=1,delta=0.5 deriv=2,delta=0.5 deriv=3,delta=2.0 cval=3.0"
    " axis=0 deriv=2,axis=0,delta=0.25",
) + fill_lines(
    "\nsg.savgol_coeffs(5, 2, OPTIONS)",
    OPTIONS="""deriv=1 deriv=2,delta=0.5 pos=0 pos=4,deriv=1 use="dot" use="dot",pos=1,deriv=1""",
)

LISTS = {
    "smoothed": SMOOTHED,
    "fitted": FITTED + MORE_FITTED,
    "interpolated": INTERPOLATED + MORE_INTERPOLATED,
    "continuous": TESTED,
    "discrete": COUNTED,
    "tested": MORE_TESTED,
}


def play_science(lines: str) -> list[Any]:
    """Return what each line with parts of SciPy gives, in few digits."""
    x = np.linspace(0, 3, 8)
    y = 2.5 * np.exp(-1.3 * x) + 0.1 * np.array([1, -1, 0.5, 0, -0.7, 1, 0.2, -0.3])
    wild = y + np.array([0, 0, 0, 2.0, 0, 0, -1, 0])
    k = np.array([0.0, 1, 2, 4, 7])
    v = np.array([1.0, 3, 2, 5, 4])
    names: dict[str, Any] = {"x": x, "y": y, "wild": wild, "s": 0.1 + x / 9, "k": k, "v": v}
    names |= {"w": np.stack([v, v[::-1], k], 1), "np": np, "math": math}
    names |= {"a": np.array([0.3, 1.7, 2.2, -0.4, 1.1, 3.9]), "r": np.array([3, 1, 3, 2, 5, 4])}
    names |= {"b": np.array([0.9, 1.2, 2.8, 0.1, 2.0, 2.6]), "q": np.array([1.0, np.nan, 3, 2, 2])}
    names["c"] = np.array([0.5, 1.5, 2.5, 0.7, 4.1, 1.1])
    names["P"] = np.array([[0, 0], [1, 0.2], [0.3, 1.4], [2.5, 2], [3, 0.5], [1.2, 1.1]])
    names["N8"] = np.stack([y, wild, x, y[::-1], np.sin(x), x**2])
    names["N"] = np.array([[1.0, 0, 2, 0], [0, 0, 3, -1], [4, 5, 0, 0]])
    names["S"] = np.array([[4.0, 1, 0.5], [1, 3, 0.2], [0.5, 0.2, 2]])
    parts = {"op": "optimize", "ip": "interpolate", "ig": "integrate", "st": "stats"}
    parts |= {
        "sp": "sparse",
        "li": "linalg",
        "ff": "fft",
        "cl": "cluster",
        "sd": "spatial",
        "io": "io",
        "sg": "signal",
    }
    for name, part in parts.items():
        names[name] = importlib.import_module(f"scipy.{part}")
    results: list[Any] = []
    for line in lines.replace("\n ", " ").splitlines():
        results += play_parts(line, names, tell_exactly) if line else []
    return results


def use_science(name: str) -> list[Any]:
    """Return what the steps of a list with parts of SciPy give."""
    return play_science(LISTS[name])


OF_SCIENCE = (Family(use_science, lambda: [*LISTS], lambda _: None),)
