var areaJSON={"columns":["ALUTs", "FFs", "RAMs", "DSPs"],"total":[5400, 7312, 3, 64],"name":"Kernel System"};
